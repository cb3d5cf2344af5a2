import Letters
import Notation
import People
import Scheduling
import Storage

/// Which ways lead to a patient at all, as far as that can be said without opening what is sealed.
struct WaysTo: Query {
    static let sql: SQL = """
        SELECT email IS NOT NULL, phone IS NOT NULL, EXISTS (SELECT 1 FROM patient_device WHERE patient_id = $1),
            EXISTS (SELECT 1 FROM contact_preference WHERE id = $1)
                OR EXISTS (SELECT 1 FROM contact_consent WHERE patient_id = $1)
        FROM patient WHERE id = $1 AND erased_at IS NULL
        """
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }

    struct Ways: Sendable {
        let channels: Set<Channel>
        /// Whether the patient has ever said how to be reached.
        let hasPreferences: Bool
    }

    static func row(_ columns: any Columns) throws -> Ways {
        let isThere: [(channel: Channel, isThere: Bool)] = [
            (.email, try columns.bool(0)), (.sms, try columns.bool(1)), (.push, try columns.bool(2)),
        ]
        return Ways(channels: Set(isThere.filter(\.isThere).map(\.channel)), hasPreferences: try columns.bool(3))
    }
}

extension Clinic {
    /// Why a message will not be sent, where that is plain as soon as it is written: no way that the clinic has leads to the patient. Everybody
    /// else's is decided by whoever sends it.
    func hindrance(to message: Message, in transaction: any ReadTransaction) throws -> Message.Reason? {
        let ways = try transaction.first(WaysTo(patient: message.patient))
        let channels = settings.messages?.channels ?? []
        if let ways, !ways.channels.isDisjoint(with: channels) { return nil }
        let preferences =
            ways?.hasPreferences == false
            ? ContactPreferences(of: message.patient) : try transaction.preferences(of: message.patient)
        // Without an address it asks no clock for quiet hours.
        let reaching = Reaching(
            kind: message.kind, preferences: preferences, addresses: [:], channels: channels, start: message.start, zone: .utc)
        guard case .suppress(let reason) = reaching.decide(at: surroundings.clock.now) else { return nil }
        return reason
    }
}
