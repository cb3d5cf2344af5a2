import Notation
import Scheduling
import Storage

struct DirectoryRevision: Query {
    static let sql: SQL = "SELECT value FROM revision WHERE name = 'directory'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int64 { try columns.integer(0) }
}

/// The revision, held as it is until the transaction ends.
struct HeldDirectoryRevision: Query {
    static let sql = SQL(
        sqlite: "SELECT value FROM revision WHERE name = 'directory'", postgres: "SELECT hold_directory(false)")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int64 { try columns.integer(0) }
    // Nothing a group posts changes the directory.
    var rests: [Touch]? { [] }
}

/// The revision, held so that nobody else decides by it or changes it until the transaction ends.
struct TakenDirectoryRevision: Query {
    static let sql = SQL(
        sqlite: "SELECT value FROM revision WHERE name = 'directory'", postgres: "SELECT hold_directory(true)")
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int64 { try columns.integer(0) }
}

struct AdvanceDirectoryRevision: Command {
    static let sql: SQL = "UPDATE revision SET value = value + 1 WHERE name = 'directory'"
    var bindings: [SQLValue] { [] }
}

/// Moves on with every import: whoever keeps something made of appointments makes it anew.
struct ImportRevision: Query {
    static let sql: SQL = "SELECT value FROM revision WHERE name = 'import'"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Int64 { try columns.integer(0) }
}

struct AdvanceImportRevision: Command {
    static let sql: SQL = "UPDATE revision SET value = value + 1 WHERE name = 'import'"
    var bindings: [SQLValue] { [] }
}

struct AllLocations: Query {
    static let sql: SQL = "SELECT id, name, zone, address, version FROM location ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Location {
        Location(
            id: try columns.id(0), name: try columns.text(1), zone: try columns.text(2),
            address: try columns.optional(3, columns.text), version: try columns.int(4))
    }
}

struct StoreLocation: Command {
    static let sql: SQL = """
        INSERT INTO location (id, name, zone, address, version) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, zone = excluded.zone, address = excluded.address,
            version = excluded.version
        WHERE location.version = excluded.version - 1
        """
    let location: Location
    var bindings: [SQLValue] {
        [.id(location.id), .text(location.name), .text(location.zone), .text(location.address), .integer(location.version)]
    }
}

struct AllResources: Query {
    static let sql: SQL = """
        SELECT id, kind, name, location_id, lanes, lanes_offered, specialty, tags, maximum_per_day, active, version, provider
        FROM resource ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Resource {
        Resource(
            id: try columns.id(0), kind: try columns.choice(1), name: try columns.text(2), location: try columns.id(3),
            lanes: try columns.int(4), lanesOffered: try columns.int(5), specialty: try columns.optional(6, columns.text),
            tags: Set(try columns.texts(7)), maximumPerDay: try columns.optional(8, columns.int),
            provider: try columns.optional(11, columns.text), active: try columns.bool(9), version: try columns.int(10))
    }
}

/// Writes a new resource (version 1) or the next version of one. No row changed means somebody else changed it meanwhile.
struct StoreResource: Command {
    static let sql: SQL = """
        INSERT INTO resource (id, kind, name, location_id, lanes, lanes_offered, specialty, tags, maximum_per_day, active, version,
            provider)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, location_id = excluded.location_id, lanes = excluded.lanes,
            lanes_offered = excluded.lanes_offered, specialty = excluded.specialty, tags = excluded.tags,
            maximum_per_day = excluded.maximum_per_day, active = excluded.active, version = excluded.version,
            provider = excluded.provider
        WHERE resource.version = excluded.version - 1 AND resource.kind = excluded.kind
        """
    let resource: Resource
    var bindings: [SQLValue] {
        [
            .id(resource.id), .text(resource.kind.rawValue), .text(resource.name), .id(resource.location),
            .integer(resource.lanes), .integer(resource.lanesOffered), .text(resource.specialty),
            .texts(resource.tags.sorted()), .integer(resource.maximumPerDay), .bool(resource.active), .integer(resource.version),
            .text(resource.provider),
        ]
    }
}

struct AllVisitTypes: Query {
    static let sql: SQL = """
        SELECT id, name, duration_minutes, buffer_before_minutes, buffer_after_minutes, specialty, practitioners, room_tag,
            device_tag, patients_maximum, earliest_notice_minutes, latest_horizon_days, cancellation_cutoff_minutes,
            start_grid_minutes, hold_minutes, active, version, price
        FROM visit_type ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> VisitType {
        VisitType(
            id: try columns.id(0), name: try columns.text(1), durationMinutes: try columns.int(2),
            bufferBeforeMinutes: try columns.int(3), bufferAfterMinutes: try columns.int(4),
            specialty: try columns.optional(5, columns.text), practitioners: Set(try columns.ids(6)),
            roomTag: try columns.optional(7, columns.text), deviceTag: try columns.optional(8, columns.text),
            patientsMaximum: try columns.int(9),
            policy: SchedulingPolicy(
                earliestNoticeMinutes: try columns.int(10), latestHorizonDays: try columns.int(11),
                cancellationCutoffMinutes: try columns.int(12), startGridMinutes: try columns.int(13),
                holdMinutes: try columns.int(14)),
            price: try columns.optional(17, columns.price), active: try columns.bool(15), version: try columns.int(16))
    }
}

struct StoreVisitType: Command {
    static let sql: SQL = """
        INSERT INTO visit_type (id, name, duration_minutes, buffer_before_minutes, buffer_after_minutes, specialty,
            practitioners, room_tag, device_tag, patients_maximum, earliest_notice_minutes, latest_horizon_days,
            cancellation_cutoff_minutes, start_grid_minutes, hold_minutes, active, version, price)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, duration_minutes = excluded.duration_minutes,
            buffer_before_minutes = excluded.buffer_before_minutes, buffer_after_minutes = excluded.buffer_after_minutes,
            specialty = excluded.specialty, practitioners = excluded.practitioners, room_tag = excluded.room_tag,
            device_tag = excluded.device_tag, patients_maximum = excluded.patients_maximum,
            earliest_notice_minutes = excluded.earliest_notice_minutes, latest_horizon_days = excluded.latest_horizon_days,
            cancellation_cutoff_minutes = excluded.cancellation_cutoff_minutes,
            start_grid_minutes = excluded.start_grid_minutes, hold_minutes = excluded.hold_minutes,
            active = excluded.active, version = excluded.version, price = excluded.price
        WHERE visit_type.version = excluded.version - 1
        """
    let visitType: VisitType
    var bindings: [SQLValue] {
        let policy = visitType.policy
        return [
            .id(visitType.id), .text(visitType.name), .integer(visitType.durationMinutes),
            .integer(visitType.bufferBeforeMinutes), .integer(visitType.bufferAfterMinutes), .text(visitType.specialty),
            .ids(visitType.practitioners.sorted()), .text(visitType.roomTag), .text(visitType.deviceTag),
            .integer(visitType.patientsMaximum), .integer(policy.earliestNoticeMinutes), .integer(policy.latestHorizonDays),
            .integer(policy.cancellationCutoffMinutes), .integer(policy.startGridMinutes), .integer(policy.holdMinutes),
            .bool(visitType.active), .integer(visitType.version), .text(visitType.price?.document),
        ]
    }
}

struct AllWorkingHours: Query {
    static let sql: SQL = """
        SELECT id, resource_id, weekday, from_minute, to_minute, zone, effective_from, effective_until
        FROM working_hours ORDER BY id
        """
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> WorkingHours {
        WorkingHours(
            id: try columns.id(0), resource: try columns.id(1), weekday: try columns.int(2), fromMinute: try columns.int(3),
            toMinute: try columns.int(4), zone: try columns.text(5), effectiveFrom: try columns.day(6),
            effectiveUntil: try columns.optional(7, columns.day))
    }
}

struct StoreWorkingHours: Command {
    static let sql: SQL = """
        INSERT INTO working_hours (id, resource_id, weekday, from_minute, to_minute, zone, effective_from, effective_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING
        """
    let hours: WorkingHours
    var bindings: [SQLValue] {
        [
            .id(hours.id), .id(hours.resource), .integer(hours.weekday), .integer(hours.fromMinute), .integer(hours.toMinute),
            .text(hours.zone), .day(hours.effectiveFrom), .day(hours.effectiveUntil),
        ]
    }
}

struct DeleteWorkingHours: Command {
    static let sql: SQL = "DELETE FROM working_hours WHERE id = $1 AND resource_id = $2"
    let id: ID<WorkingHours>
    let resource: ID<Resource>
    var bindings: [SQLValue] { [.id(id), .id(resource)] }
}

extension ScheduleException: Sealable {
    static let table = "schedule_exception"
    var sealedRow: [UInt8] { id.bytes }

    func exchanging(_ exchange: (_ column: String, _ text: Personal<String>) throws -> Personal<String>) rethrows
        -> ScheduleException
    {
        guard let note else { return self }
        var copy = self
        copy.note = try exchange("note", note)
        return copy
    }
}

/// Their notes stay sealed in the directory, which every booking is decided by; whoever shows them opens them.
struct AllExceptions: Query {
    static let sql: SQL = "SELECT id, resource_id, kind, from_at, to_at, note FROM schedule_exception ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> ScheduleException {
        ScheduleException(
            id: try columns.id(0), resource: try columns.id(1), kind: try columns.choice(2),
            range: TimeRange(from: try columns.instant(3), to: try columns.instant(4)),
            note: try columns.optional(5, columns.text).map { Personal($0) })
    }
}

struct StoreException: Command {
    static let sql: SQL = """
        INSERT INTO schedule_exception (id, resource_id, kind, from_at, to_at, note) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (id) DO NOTHING
        """
    let exception: Sealed<ScheduleException>
    var bindings: [SQLValue] {
        let exception = exception.kept
        return [
            .id(exception.id), .id(exception.resource), .text(exception.kind.rawValue), .instant(exception.range.from),
            .instant(exception.range.to), .text(exception.note?.revealed),
        ]
    }
}

struct DeleteException: Command {
    static let sql: SQL = "DELETE FROM schedule_exception WHERE id = $1 AND resource_id = $2"
    let id: ID<ScheduleException>
    let resource: ID<Resource>
    var bindings: [SQLValue] { [.id(id), .id(resource)] }
}

struct AllHolidays: Query {
    static let sql: SQL = "SELECT id, location_id, day, name FROM holiday ORDER BY id"
    var bindings: [SQLValue] { [] }
    static func row(_ columns: any Columns) throws -> Holiday {
        Holiday(id: try columns.id(0), location: try columns.id(1), day: try columns.day(2), name: try columns.text(3))
    }
}

struct StoreHoliday: Command {
    static let sql: SQL = """
        INSERT INTO holiday (id, location_id, day, name) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING
        """
    let holiday: Holiday
    var bindings: [SQLValue] { [.id(holiday.id), .id(holiday.location), .day(holiday.day), .text(holiday.name)] }
}

struct DeleteHoliday: Command {
    static let sql: SQL = "DELETE FROM holiday WHERE id = $1 AND location_id = $2"
    let id: ID<Holiday>
    let location: ID<Location>
    var bindings: [SQLValue] { [.id(id), .id(location)] }
}
