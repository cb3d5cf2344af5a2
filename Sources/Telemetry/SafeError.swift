public import Logging

/// An error whose description never says anything about a person. Conforming is a promise; who conforms a type looks at
/// every case of it.
public protocol SafelyDescribed: Error, CustomStringConvertible {}

/// What a log line says about an error: its type, and its description only when that is known to be safe.
public struct SafeError: Sendable, CustomStringConvertible {
    public let description: String

    public init(_ error: any Error) {
        let type = String(reflecting: type(of: error))
        description = error is any SafelyDescribed ? "\(type): \(error)" : type
    }

    /// For a text that was made safe before it came here, such as the last error of an outbox message.
    public init(vouchedFor text: String) { description = text }
}

extension Logger.MetadataValue {
    /// The only form in which the key `error` is printed.
    public static func safe(_ error: any Error) -> Logger.MetadataValue { .stringConvertible(SafeError(error)) }
}
