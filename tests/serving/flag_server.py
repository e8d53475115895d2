"""A flagd of our own for tests: flagd's two wire protocols over real gRPC, its evaluation by flagd's core."""

import json
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.schemas.protobuf.flagd.evaluation.v2 import evaluation_pb2, evaluation_pb2_grpc
from openfeature.schemas.protobuf.flagd.sync.v1 import sync_pb2, sync_pb2_grpc


class _Sync(sync_pb2_grpc.FlagSyncServiceServicer):
    """Sends the whole file; the client evaluates it (``ResolverType.IN_PROCESS``)."""

    def __init__(self, content: str) -> None:
        self._content = content

    def SyncFlags(self, _: Any, call: Any) -> Any:
        yield sync_pb2.SyncFlagsResponse(flag_configuration=self._content)
        _until_it_ends(call)

    def GetMetadata(self, _: Any, call: Any) -> Any:
        call.abort(grpc.StatusCode.UNIMPLEMENTED, "not needed")


class _Evaluation(evaluation_pb2_grpc.ServiceServicer):
    """Evaluates each question here (``ResolverType.RPC``)."""

    def __init__(self, content: str) -> None:
        self._core = FlagdCore()
        self._core.set_flags(content)

    def ResolveObject(self, request: Any, _: Any) -> Any:
        context = MessageToDict(request.context)
        key = context.pop("targetingKey", None)
        found = self._core.resolve_object_value(request.flag_key, {}, EvaluationContext(key, context))
        answer = evaluation_pb2.ResolveObjectResponse(reason=str(found.reason), variant=found.variant or "")
        ParseDict(json.loads(json.dumps(found.value)), answer.value)
        ParseDict(dict(found.flag_metadata), answer.metadata)
        return answer

    def EventStream(self, _: Any, call: Any) -> Any:
        yield evaluation_pb2.EventStreamResponse(type="provider_ready")
        _until_it_ends(call)


def _until_it_ends(call: Any) -> None:
    ended = threading.Event()
    call.add_callback(ended.set)
    ended.wait()


class FlagServer:
    """Listens on a free port of this machine until it is stopped."""

    def __init__(self, flag_file: Path) -> None:
        content = flag_file.read_text()
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
        sync_pb2_grpc.add_FlagSyncServiceServicer_to_server(_Sync(content), self._server)
        evaluation_pb2_grpc.add_ServiceServicer_to_server(_Evaluation(content), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()
