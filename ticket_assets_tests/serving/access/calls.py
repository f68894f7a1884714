"""A gRPC service with one method of each kind, and some that go wrong."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct

from ticket_assets.serving.access.current import request_id
from ticket_assets.serving.access.refusal import Refusal

SERVICE = "desk.Triage"


def said(**fields: Any) -> Struct:
    made = Struct()
    made.update(fields)
    return made


class Triage:
    """Its methods."""

    async def predict(self, request: Struct, context: Any) -> Struct:
        if request["body"] == "fail":
            raise RuntimeError("the inside of the service")
        if request["body"] == "refuse":
            raise Refusal(422, "body: no text is left of it", field="body")
        if request["body"] == "abort":
            await context.abort(grpc.StatusCode.DATA_LOSS, "by itself")
        context.set_trailing_metadata((("x-own", "kept"),))
        return said(body=request["body"], request_id=request_id())

    async def stream(self, request: Struct, context: Any) -> AsyncIterator[Struct]:
        for number in range(3):
            if request["body"] == "refuse" and number == 2:
                raise Refusal(422, "body: enough", field="body")
            yield said(number=number)
            if request["body"] == "wait":
                await asyncio.sleep(20)

    async def gather(self, requests: AsyncIterator[Struct], context: Any) -> Struct:
        return said(count=len([one async for one in requests]))

    async def echo(self, requests: AsyncIterator[Struct], context: Any) -> AsyncIterator[Struct]:
        async for one in requests:
            yield one

    def not_async(self, request: Struct, context: Any) -> Struct:
        return request

    def handlers(self) -> grpc.GenericRpcHandler:
        coded = {"request_deserializer": Struct.FromString, "response_serializer": Struct.SerializeToString}
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Predict": grpc.unary_unary_rpc_method_handler(self.predict, **coded),
                "PredictBatch": grpc.unary_stream_rpc_method_handler(self.stream, **coded),
                "Feedback": grpc.stream_unary_rpc_method_handler(self.gather, **coded),
                "Similar": grpc.stream_stream_rpc_method_handler(self.echo, **coded),
                "Info": grpc.unary_unary_rpc_method_handler(self.not_async, **coded),
                "Forgotten": grpc.unary_unary_rpc_method_handler(self.predict, **coded),
            },
        )
