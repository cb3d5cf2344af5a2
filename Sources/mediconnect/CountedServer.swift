import API
import HummingbirdCore
import Logging
import NIOCore

/// A server whose connections are counted, and hung up on when there are too many from one address.
struct CountedServer<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let connections: Connections

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { [connections] value in
            try channel.pipeline.syncOperations.addHandler(connections.gate(), position: .first)
            return value
        }
    }

    func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
