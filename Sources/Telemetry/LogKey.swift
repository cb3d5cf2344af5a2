/// Everything a log line may say besides its message. The value of any other key is withheld: a key that is not on this
/// list was not thought about, and could hold somebody's name. To log something new, add it here and think about it.
public enum LogKey: String, CaseIterable, Sendable {
    // These three have places of their own in the line.
    case event = "evt"
    case requestID = "request_id"
    case appointmentID = "appointment_id"

    // HTTP. A route is the pattern (`/v1/patients/{id}`), never the path with what somebody typed.
    case method, route, status, refusal
    case durationMilliseconds = "duration_ms"
    case callerRole = "caller_role"
    case connection

    // Durable work.
    case topic, attempt, state, worker
    case messageID = "message_id"

    // The program itself. A path is a file's.
    case destination, webhook
    case path, port, address, version, schema, signal, tenant, job
    case count, bytes, dropped, reason, source

    /// Only as `.safe(error)`: an error's own description may quote what somebody typed.
    case error

    // Only as a `Personal` text, and printed masked (GF-8): `A***`, `***`.
    case patient, email

    /// What a value must be to be printed.
    enum Kind { case text, safeError, maskedPerson }

    var kind: Kind {
        switch self {
        case .error: .safeError
        case .patient, .email: .maskedPerson
        default: .text
        }
    }

    static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.rawValue, $0) })
}
