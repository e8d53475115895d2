"""An exposure as an OpenTelemetry event, through the real SDK: the conventions' names, and nobody's id."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    SimpleLogRecordProcessor,
)

from pacer_pipelines.serving.telemetry import FlagEvents

from .conftest import NOON, lines_in


@pytest.fixture
def exporter():
    return InMemoryLogRecordExporter()


@pytest.fixture
def serve(assigner_of, flag_file, exporter):
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    assigner = assigner_of(flag_file, also=[FlagEvents(provider.get_logger("test"))])
    yield lambda **more: assigner.serve("stu0001", "stu0001-sci-1", school="alpha", coach="coach06", **more)
    provider.shutdown()


def events(exporter):
    return [data.log_record for data in exporter.get_finished_logs()]


def test_an_event_has_the_names_of_the_conventions(serve, exporter, tmp_path):
    with serve() as served:
        served.log_id, served.input_tokens = 7, 812
    (event,) = events(exporter)
    (line,) = lines_in(tmp_path / "log")
    assert event.event_name == "feature_flag.evaluation"
    assert event.timestamp == round(NOON.timestamp() * 1000) * 1_000_000
    assert dict(event.attributes) == {
        "pacer.exposure_id": line["exposure_id"],
        "feature_flag.key": "judge-model",
        "feature_flag.result.variant": "A",
        "feature_flag.result.reason": "targeting_match",
        "feature_flag.set.id": "pacer",
        "feature_flag.version": "1",
        "pacer.experiment_id": "exp-2026-11-judge",
        "gen_ai.request.model": "llama2:latest",
        "gen_ai.usage.input_tokens": 812,
        "pacer.latency_ms": line["latency_ms"],
    }


def test_an_event_says_why_control_is_served_and_that_the_judgement_failed(serve, exporter, flag_file):
    flag_file.write_text("{")
    with pytest.raises(RuntimeError), serve():
        raise RuntimeError("HTTP 500 for stu0001")
    (event,) = events(exporter)
    assert event.attributes["error.type"] == "PARSE_ERROR"
    assert event.attributes["pacer.judgement.error.type"] == "RuntimeError"


def test_no_event_tells_who_it_was(serve, exporter):
    with serve():
        pass
    said = str(dict(events(exporter)[0].attributes))
    assert not [word for word in ("stu0001", "alpha", "coach06") if word in said]


class Collector(BaseHTTPRequestHandler):
    """As much of an OTLP collector as it takes to keep what it is sent."""

    received: ClassVar[list[ExportLogsServiceRequest]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.received.append(ExportLogsServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_events_reach_a_collector_over_otlp(assigner_of, flag_file):
    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    exporter = OTLPLogExporter(endpoint=f"http://127.0.0.1:{server.server_port}/v1/logs")
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    assigner = assigner_of(flag_file, also=[FlagEvents(provider.get_logger("test"))])
    for number in range(20):
        with assigner.serve(f"stu{number:04d}", "x", coach="c"):
            pass
    provider.force_flush()
    provider.shutdown()
    server.shutdown()
    server.server_close()
    records = [
        record
        for request in Collector.received
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    assert [record.event_name for record in records] == ["feature_flag.evaluation"] * 20
