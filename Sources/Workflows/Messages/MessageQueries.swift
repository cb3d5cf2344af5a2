import Letters
import Notation
import People
import Scheduling
import Storage

/// In the order `Sealed<Message>(columns)` reads them.
private let messageColumns = """
    id, notice_id, patient_id, appointment_id, kind, start_at, minutes, place, not_by, state, reason, channel, language, address,
    words, carrier_id, created_at, due_at, unsure_since, handed_at, ended_at, answer, answered_by, answered_at, settled_by, settled_at,
    devices, staff_change
    """

extension Sealed where Value == Message {
    init(_ columns: any Columns) throws {
        let answer = try columns.optional(21) { try columns.choice($0, VisitAnswer.self) }
        let settledAt = try columns.optional(25, columns.instant)
        self.init(
            kept: Message(
                id: try columns.id(0), notice: try columns.id(1), patient: try columns.id(2),
                appointment: try columns.optional(3) { try columns.id($0) }, kind: try columns.choice(4),
                change: try columns.optional(27) { try columns.choice($0) },
                start: try columns.optional(5, columns.instant), minutes: try columns.optional(6, columns.int),
                place: try columns.int(7), notBy: Message.channels(try columns.optional(8, columns.text)),
                state: try columns.choice(9), reason: try columns.optional(10) { try columns.choice($0) },
                channel: try columns.optional(11) { try columns.choice($0) },
                language: try columns.optional(12) { try columns.choice($0) },
                address: try columns.optional(13, columns.text).map { Personal($0) },
                words: try columns.optional(14, columns.text).map { Personal($0) },
                carrierID: try columns.optional(15, columns.text), createdAt: try columns.instant(16),
                dueAt: try columns.instant(17), unsureSince: try columns.optional(18, columns.instant),
                handedAt: try columns.optional(19, columns.instant), endedAt: try columns.optional(20, columns.instant),
                answer: try answer.map { Message.Answer(answer: $0, by: try columns.text(22), at: try columns.instant(23)) },
                devices: try Message.devices(try columns.optional(26, columns.json)),
                settlement: try settledAt.map { Message.Settlement(by: try columns.text(24), at: $0) }))
    }
}

extension Message {
    fileprivate static func channels(_ text: String?) -> [Channel] {
        (text ?? "").split(separator: ",").compactMap { Channel(rawValue: String($0)) }
    }

    fileprivate var tried: String? { notBy.isEmpty ? nil : notBy.map(\.rawValue).joined(separator: ",") }

    fileprivate static func devices(_ text: String?) throws -> [ID<PatientDevice>: DeviceMark] {
        guard let text else { return [:] }
        var marks: [ID<PatientDevice>: DeviceMark] = [:]
        for member in try JSON(parsing: text).members ?? [] {
            guard let id = ID<PatientDevice>(member.name), let mark = member.value.string.flatMap(DeviceMark.init(rawValue:))
            else {
                throw StorageFault.statement("a message has a device that cannot be read")
            }
            marks[id] = mark
        }
        return marks
    }

    fileprivate var devicesText: String? {
        if devices.isEmpty { return nil }
        var json = JSONWriter(reserving: 64)
        json.object { json in
            for (id, mark) in devices.sorted(by: { $0.key < $1.key }) { json.member(id.description, mark.rawValue) }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }
}

/// A message that is to be sent, or that cannot be.
struct InsertMessage: Insertion {
    static let rank = 14
    var touches: [Touch]? { [] }
    static let sql: SQL = """
        INSERT INTO message (id, notice_id, patient_id, appointment_id, kind, start_at, minutes, place, not_by, state, created_at, due_at,
            reason, ended_at, staff_change)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """
    let message: Message
    var bindings: [SQLValue] {
        [
            .id(message.id), .id(message.notice), .id(message.patient), .id(message.appointment), .text(message.kind.rawValue),
            .instant(message.start), .integer(message.minutes), .integer(message.place), .text(message.tried),
            .text(message.state.rawValue), .instant(message.createdAt), .instant(message.dueAt),
            .text(message.reason?.rawValue), .instant(message.endedAt), .text(message.change?.rawValue),
        ]
    }
}

struct MessageByID: Query {
    static let sql = SQL("SELECT \(messageColumns) FROM message WHERE id = $1")
    let id: ID<Message>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Message> { try Sealed(columns) }
}

/// How far a message is, and by what channel: nothing that is sealed.
struct MessageProgress: Query {
    static let sql: SQL = "SELECT state, channel FROM message WHERE id = $1"
    let id: ID<Message>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> (state: Message.State, channel: Channel?) {
        (try columns.choice(0), try columns.optional(1) { try columns.choice($0) })
    }
}

/// The same, and nobody else changes it until this transaction has ended.
struct MessageToChange: Query {
    static let sql = SQL(sqlite: MessageByID.sql.sqlite, postgres: MessageByID.sql.postgres + " FOR UPDATE")
    let id: ID<Message>
    var bindings: [SQLValue] { [.id(id)] }
    static func row(_ columns: any Columns) throws -> Sealed<Message> { try Sealed(columns) }
}

/// What has become of a message: everything but what it is about and what was answered.
struct UpdateMessage: Command {
    static let sql: SQL = """
        UPDATE message SET state = $2, reason = $3, channel = $4, language = $5, address = $6, address_index = $7, words = $8,
            carrier_id = $9, due_at = $10, unsure_since = $11, handed_at = $12, ended_at = $13, devices = $14
        WHERE id = $1
        """
    let message: Sealed<Message>
    let index: [UInt8]?
    var bindings: [SQLValue] {
        let kept = message.kept
        return [
            .id(kept.id), .text(kept.state.rawValue), .text(kept.reason?.rawValue), .text(kept.channel?.rawValue),
            .text(kept.language?.rawValue), .text(kept.address?.revealed), .bytes(index), .text(kept.words?.revealed),
            .text(kept.carrierID), .instant(kept.dueAt), .instant(kept.unsureSince), .instant(kept.handedAt),
            .instant(kept.endedAt), kept.devicesText.map { .json($0) } ?? .null,
        ]
    }

    init(_ message: Message, _ keys: FieldKeys) throws {
        self.message = try keys.seal(message)
        index = message.address.flatMap { address in message.channel.map { keys.digest(ofMessageTo: address, by: $0) } }
    }
}

/// Changes nothing when the same was answered before, or the visit was given up.
struct AnswerMessage: Command {
    static let sql: SQL = """
        UPDATE message SET answer = $2, answered_by = $3, answered_at = $4, settled_by = NULL, settled_at = NULL
        WHERE id = $1 AND (answer IS NULL OR (answer <> $2 AND answer <> 'cancel'))
        """
    let id: ID<Message>
    let answer: Message.Answer
    var bindings: [SQLValue] { [.id(id), .text(answer.answer.rawValue), .text(answer.by), .instant(answer.at)] }
}

/// The newest messages to patients at an address. What practitioners are told there asks for no answer.
struct NewestMessagesTo: Query {
    static let sql = SQL(
        """
        SELECT \(messageColumns) FROM message WHERE address_index = $1 AND staff_change IS NULL
        ORDER BY address_index, id DESC LIMIT $2
        """)
    let index: [UInt8]
    let limit: Int
    var bindings: [SQLValue] { [.bytes(index), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Message> { try Sealed(columns) }
}

/// Everybody who was ever written to at an address, patients and practitioners.
struct WrittenToAt: Query {
    static let sql: SQL = "SELECT DISTINCT patient_id, staff_change IS NOT NULL FROM message WHERE address_index = $1"
    let index: [UInt8]
    var bindings: [SQLValue] { [.bytes(index)] }
    static func row(_ columns: any Columns) throws -> (id: ID<Patient>, isStaff: Bool) {
        (id: try columns.id(0), isStaff: try columns.bool(1))
    }
}

struct MessagesOfPatient: Query {
    static let sql = SQL("SELECT \(messageColumns) FROM message WHERE patient_id = $1 AND id > $2 ORDER BY id LIMIT $3")
    let patient: ID<Patient>
    let after: ID<Message>
    let limit: Int
    var bindings: [SQLValue] { [.id(patient), .id(after), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Message> { try Sealed(columns) }
}

/// Who wants to be called and was not yet, whoever has waited longest first.
struct OpenCalls: Query {
    static let sql = SQL(
        """
        SELECT \(messageColumns) FROM message WHERE answer = 'call' AND settled_at IS NULL AND (answered_at, id) > ($1, $2)
        ORDER BY answered_at, id LIMIT $3
        """)
    let after: Cursor
    let limit: Int
    var bindings: [SQLValue] { [.instant(after.at), .id(after.id), .integer(limit)] }
    static func row(_ columns: any Columns) throws -> Sealed<Message> { try Sealed(columns) }
}

struct SettleCall: Command {
    static let sql: SQL = """
        UPDATE message SET settled_by = $2, settled_at = $3 WHERE id = $1 AND answer = 'call' AND settled_at IS NULL
        """
    let id: ID<Message>
    let by: String
    let at: Instant
    var bindings: [SQLValue] { [.id(id), .text(by), .instant(at)] }
}

struct EraseMessages: Command {
    static let sql: SQL = "DELETE FROM message WHERE patient_id = $1"
    let patient: ID<Patient>
    var bindings: [SQLValue] { [.id(patient)] }
}
