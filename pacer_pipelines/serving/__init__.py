"""What PACER imports: assignment through a feature flag, and the logs that a verdict rests on.

Light on purpose (extra ``serving``): the standard library, OpenFeature and flagd's evaluation core.
"""

from pacer_pipelines.serving.assigner import Assigner
from pacer_pipelines.serving.assignment import Assignment, Request
from pacer_pipelines.serving.bucket import bucket
from pacer_pipelines.serving.event_logs import CardReviewLog, FeedbackLog
from pacer_pipelines.serving.exposure import Exposure
from pacer_pipelines.serving.flag_file import FlagFile
from pacer_pipelines.serving.line_log import LineLog, LogPolicy, LogState
from pacer_pipelines.serving.split import Served, Split

__all__ = [
    "Assigner",
    "Assignment",
    "CardReviewLog",
    "Exposure",
    "FeedbackLog",
    "FlagFile",
    "LineLog",
    "LogPolicy",
    "LogState",
    "Request",
    "Served",
    "Split",
    "bucket",
]
