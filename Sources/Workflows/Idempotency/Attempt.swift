import Notation
public import Scheduling

/// One try at a change, under the key its client chose. However often it is tried, it takes effect once (MC-1).
public struct Attempt: Sendable, Hashable {
    /// 1…255 printable ASCII characters.
    public let key: String
    /// The operation's name in the API: `bookAppointment`.
    public let operation: String
    /// A digest of everything that makes the request what it is. The same key with another digest is an error.
    public let fingerprint: [UInt8]

    public init(key: String, operation: String, fingerprint: [UInt8]) {
        self.key = key
        self.operation = operation
        self.fingerprint = fingerprint
    }
}

/// What a client was told, kept to be told again byte for byte.
public struct StoredAnswer: Sendable, Equatable {
    public var status: Int
    public var contentType: String
    public var etag: String?
    public var location: String?
    public var body: [UInt8]

    public init(
        status: Int, contentType: String = "application/json", etag: String? = nil, location: String? = nil, body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.etag = etag
        self.location = location
        self.body = body
    }
}

/// How a use case's outcome is put into words. Called inside the transaction, so that the words are stored with the deed.
public struct Wording<Value: Sendable>: Sendable {
    public let done: @Sendable (Value) -> StoredAnswer
    public let refused: @Sendable (Refusal) -> StoredAnswer

    public init(done: @escaping @Sendable (Value) -> StoredAnswer, refused: @escaping @Sendable (Refusal) -> StoredAnswer) {
        self.done = done
        self.refused = refused
    }
}

/// What came of a try.
public enum Reply<Value: Sendable>: Sendable {
    case done(Value, StoredAnswer)
    case refused(Refusal, StoredAnswer)
    /// An earlier try had taken effect; this is what it was told.
    case repeated(StoredAnswer)

    /// For callers without a key: the value, or the refusal thrown.
    public func value() throws -> Value {
        switch self {
        case .done(let value, _): return value
        case .refused(let refusal, _): throw refusal
        case .repeated: throw KeyFault.repeated
        }
    }
}

/// Why a key cannot be used.
public enum KeyFault: Error, Sendable, Equatable {
    /// The same key came with another request.
    case usedForAnotherRequest
    /// The first try is still being worked on.
    case inFlight
    /// A repeat was found where a value was needed.
    case repeated
}
