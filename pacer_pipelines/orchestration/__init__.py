"""Dagster and nothing else."""

import warnings

from dagster import BetaWarning

# Backfill policies are beta, and house rule: every partitioned asset has one.
warnings.filterwarnings("ignore", category=BetaWarning)
