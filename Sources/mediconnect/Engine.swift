import Foundation
import Notation
import Storage
import StoragePostgres
import StorageSQLite

/// The database this node works on, and what can be said about it whichever engine it is.
enum Engine: Sendable {
    case sqlite(SQLiteDatabase)
    case postgres(PostgresDatabase)

    /// Opens what the settings name. Throws `StorageFault` with a sentence that says what to do.
    init(_ settings: Settings, meters: DatabaseMeters) throws {
        if let url = settings.databaseURL {
            var postgres = PostgresSettings(url: url, random: MachineRandom())
            postgres.connections = settings.pool
            postgres.waitingMaximum = settings.waitingMaximum
            postgres.isBehindBouncer = settings.isBehindBouncer
            postgres.replicaURL = settings.replicaURL
            postgres.patienceSeconds = settings.patienceSeconds
            self = .postgres(try PostgresDatabase(postgres, observer: meters))
        } else {
            var sqlite = SQLiteSettings(path: settings.databasePath)
            sqlite.readers = settings.readers
            sqlite.waitingMaximum = settings.waitingMaximum
            sqlite.checkpointPages = settings.checkpointPages
            self = .sqlite(try SQLiteDatabase(sqlite) { meters.grouped(bodies: $0, seconds: $1) })
        }
    }

    /// For commands that look and leave a record of it, also beside a running server.
    static func recording(_ settings: Settings) throws -> Engine {
        guard settings.databaseURL == nil else { return try looking(settings) }
        return .sqlite(try SQLiteDatabase.beside(SQLiteSettings(path: settings.databasePath, readers: 1)))
    }

    /// For commands that only look, also beside a running server.
    static func looking(_ settings: Settings) throws -> Engine {
        guard let url = settings.databaseURL else {
            return .sqlite(try SQLiteDatabase.readOnly(SQLiteSettings(path: settings.databasePath, readers: 1)))
        }
        var postgres = PostgresSettings(url: url, connections: 2, random: MachineRandom())
        postgres.isBehindBouncer = settings.isBehindBouncer
        postgres.patienceSeconds = 5
        return .postgres(try PostgresDatabase(postgres, observer: DatabaseMeters()))
    }

    var database: any Database {
        switch self {
        case .sqlite(let database): database
        case .postgres(let database): database
        }
    }

    /// Whether other processes may work on the same database at the same time.
    var isShared: Bool { if case .postgres = self { true } else { false } }

    /// Why nothing can be written at the moment; nil when all is well.
    var complaint: String? {
        get async {
            switch self {
            case .sqlite(let database): database.isHealthy ? nil : "takes no writes"
            case .postgres(let database): await database.complaint()
            }
        }
    }

    /// Whether it takes no change until it has been closed and opened: after a disk has failed it.
    var isBeyondRepair: Bool { if case .sqlite(let database) = self { !database.isHealthy } else { false } }

    /// How far behind the replica is; nil without one, or while nobody knows.
    var replicaLagSeconds: Double? {
        if case .postgres(let database) = self { database.replicaLagSeconds } else { nil }
    }

    /// Connections that are busy, of how many, and bodies that wait.
    var usage: (inUse: Int, size: Int, waiting: Int) {
        switch self {
        case .sqlite(let database): (0, 1, database.waitingWrites)
        case .postgres(let database): database.usage
        }
    }

    func close() async {
        switch self {
        case .sqlite(let database): await database.close()
        case .postgres(let database): await database.close()
        }
    }
}
