import CBusListener
public import Processes

/// A queue that hears what is said on a broker's `amq.topic`, and takes what it heard. It blocks whoever asks.
public final class BusListener {
    public struct Heard: Sendable {
        /// What the message is called; empty where it has no name.
        public let id: String
        public let topic: String
        public let body: [UInt8]
    }

    private let listener: OpaquePointer
    private let queue: String

    /// Makes the queue, which outlives the broker, unless it is there.
    public init(_ queue: String, of broker: PrivateBroker, pattern: String = "#") throws {
        guard let listener = bus_listener_open(Int32(broker.port), "guest", "guest", 10) else {
            throw ProcessFault("the broker on port \(broker.port) takes no connection")
        }
        (self.listener, self.queue) = (listener, queue)
        guard bus_listener_bind(listener, queue, "amq.topic", pattern) == 0 else {
            throw ProcessFault("the broker makes no queue")
        }
    }

    deinit { bus_listener_close(listener) }

    /// Everything in the queue, in its order, which is taken out by that.
    public func takeAll() throws -> [Heard] {
        var all: [Heard] = []
        var message = bus_message()
        while true {
            switch bus_listener_take(listener, queue, &message) {
            case 1:
                let body = UnsafeRawBufferPointer(start: message.body, count: message.length)
                all.append(Heard(id: String(cString: message.id), topic: String(cString: message.topic), body: Array(body)))
            case 0: return all
            default: throw ProcessFault("the broker does not answer")
            }
        }
    }
}
