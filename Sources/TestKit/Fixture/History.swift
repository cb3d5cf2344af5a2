import Notation
public import People
import Scheduling
import Storage
import Synchronization
public import Workflows

/// One try of one caller, and what it learned.
public struct Try: Sendable {
    /// The request's own identifier, which the audit carries.
    public let request: String
    public let caller: Caller
    public let key: String?
    public let ask: Ask
    /// Unknown until the answer has come, and for good when it never does.
    public internal(set) var outcome: Outcome
}

/// Everything callers tried, in the order they began. The checker holds the database against it.
public final class History: Sendable {
    private let state = Mutex<[Try]>([])

    public init() {}

    public var all: [Try] { state.withLock { $0 } }

    /// Sends `ask` to a clinic as one request of its own, and remembers it from before it is sent.
    @discardableResult
    public func send(_ ask: Ask, to clinic: Clinic, by caller: Caller, key: String? = nil) async -> Outcome {
        let number = state.withLock { tries in
            tries.append(Try(request: "try-\(tries.count)", caller: caller, key: key, ask: ask, outcome: .unknown))
            return tries.count - 1
        }
        let attempt = key.map { Attempt(key: $0, operation: ask.operation, fingerprint: ask.fingerprint) }
        let outcome = await ask.outcome(at: clinic, Call(caller: caller, requestID: "try-\(number)", attempt: attempt))
        state.withLock { $0[number].outcome = outcome }
        return outcome
    }
}

extension Ask {
    func outcome(at clinic: Clinic, _ call: Call) async -> Outcome {
        do {
            return switch self {
            case .book(let request): Outcome(try await clinic.book(request.withContent(), call: call, wording: .told))
            case .confirm(let id, let version):
                Outcome(try await clinic.confirm(AppointmentTarget(id: id, expectedVersion: version), call: call, wording: .told))
            case .cancel(let id, let version):
                Outcome(
                    try await clinic.cancel(
                        AppointmentTarget(id: id, expectedVersion: version), reason: .patient, call: call, wording: .told))
            case .move(let id, let move, let version):
                Outcome(
                    try await clinic.reschedule(
                        AppointmentTarget(id: id, expectedVersion: version), to: move, call: call, wording: .told))
            case .advance(let id, let step):
                Outcome(try await clinic.advance(AppointmentTarget(id: id), step, call: call, wording: .told))
            case .markError(let id):
                Outcome(
                    try await clinic.markError(AppointmentTarget(id: id), note: Personal("a mistake"), call: call, wording: .told)
                )
            }
        } catch {
            return Outcome(error)
        }
    }
}
