public import Notation

/// An event for other systems of the clinic's: identifiers, and nothing about a person.
public struct BrokerMessage: Sendable, Hashable {
    /// The same in every attempt; consumers know a repeat by it.
    public let id: EffectKey
    /// `appointment.created`: to 255 bytes.
    public let topic: String
    /// A JSON document.
    public let body: [UInt8]

    public init(id: EffectKey, topic: String, body: [UInt8]) {
        self.id = id
        self.topic = topic
        self.body = body
    }
}

public enum BrokerAnswer: Sendable, Hashable {
    /// The broker has written it down and answers for it.
    case taken
}

/// A message broker. A lost confirmation means that it is published again: at least once, and never not at all.
public protocol MessageBroker: Sendable {
    func publish(_ message: BrokerMessage) async -> Ending<BrokerAnswer>
}
