public import Notation

/// How a call to somebody outside ended. Reasons are for operators and say nothing about a person.
public enum Ending<Value: Sendable>: Sendable {
    /// They did it, and this is what they said.
    case done(Value)
    /// They have not done it, or will know the repeat by its key: ask again. `after` is how long they are known to want; nil leaves it
    /// to the sender's patience.
    case later(after: Span?, reason: String)
    /// They were not asked: they are left alone for a while, or too much is under way to them. It is no attempt; come again after that.
    case postponed(after: Span, reason: String)
    /// They will never do it.
    case never(reason: String)
    /// It was sent and no answer came, and they would do it twice: ask them first what became of it.
    case unknown(reason: String)
}

extension Ending: Equatable where Value: Equatable {}

extension Ending {
    public func map<Other>(_ body: (Value) -> Other) -> Ending<Other> {
        switch self {
        case .done(let value): .done(body(value))
        case .later(let after, let reason): .later(after: after, reason: reason)
        case .postponed(let after, let reason): .postponed(after: after, reason: reason)
        case .never(let reason): .never(reason: reason)
        case .unknown(let reason): .unknown(reason: reason)
        }
    }

    /// What they said, if they did it.
    public var value: Value? { if case .done(let value) = self { value } else { nil } }
}

/// Names one effect outside for good: the same in every attempt, so that whoever knows repeats does it once.
public struct EffectKey: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    /// - Parameter text: 1 to 128 letters, digits and `-_:.`, so that it may stand in a header, a form and an address.
    public init?(_ text: String) {
        guard (1...128).contains(text.utf8.count), text.utf8.allSatisfy(Self.isPlain) else { return nil }
        self.text = text
    }

    /// Of the message that asks for it, with a word when one message asks for several things: `0197…:refund`.
    public init<Subject>(_ id: ID<Subject>, _ step: StaticString? = nil) {
        text = step.map { "\(id):\($0)" } ?? id.description
    }

    public var description: String { text }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "-_:.".utf8.contains(byte)
        }
    }
}

/// A request somebody outside made to us, as it came in: what a signature was made over.
public struct IncomingCall: Sendable {
    /// The whole address as they called it, with its query.
    public let url: String
    public let headers: [(name: String, value: String)]
    public let body: [UInt8]

    public init(url: String, headers: [(name: String, value: String)], body: [UInt8]) {
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// The first header of this name.
    public subscript(header name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
}

/// Why a request that came in is not believed, in order of precedence. What it said is not looked at before.
public enum IncomingRefusal: String, Error, Sendable, CaseIterable {
    /// No signature, or none that can be read.
    case unsigned
    /// Nobody who knows the secret has signed it.
    case forged
    /// It was signed too long ago, or in the future: somebody may be saying it again.
    case stale
    /// It is theirs, and says nothing that can be understood.
    case unreadable
}
