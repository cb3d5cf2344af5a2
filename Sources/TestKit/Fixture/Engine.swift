public import Notation
import PostgresCluster
import Processes
public import Storage
public import StoragePostgres
import StorageSQLite

/// The engines that keep the promises. A test of a promise takes one as its argument and knows nothing else about it.
public enum Engine: String, Sendable, CaseIterable {
    case sqlite
    case postgres

    /// Opens a fresh, empty database, lends it to `body`, and leaves nothing of it behind.
    ///
    /// PostgreSQL is a real server of this process's own (`PrivateCluster`). Where it is not installed this throws and
    /// says what to install: a promise is not kept by being skipped.
    public func withDatabase<Answer>(_ body: (any Database) async throws -> Answer) async throws -> Answer {
        switch self {
        case .sqlite:
            // In memory where there is room: what is tested here survives no power cut; what does has disks of its own.
            let folder = try TemporaryFolder("clinic", under: FolderInMemory.path)
            defer { folder.remove() }
            let database = try SQLiteDatabase(SQLiteSettings(path: folder.file("clinic.db")))
            let answer: Result<Answer, any Error>
            do { answer = .success(try await body(database)) } catch { answer = .failure(error) }
            await database.close()
            return try answer.get()
        case .postgres:
            return try await Self.withPostgres { database, _ in try await body(database) }
        }
    }

    /// A fresh database on the private server, and its address for whoever wants to open it once more.
    public static func withPostgres<Answer>(
        _ change: (inout PostgresSettings) -> Void = { _ in }, observer: any PostgresObserver = NobodyCounts(),
        _ body: (PostgresDatabase, String) async throws -> Answer
    ) async throws -> Answer {
        let fresh = try await PrivateCluster.shared.freshDatabase()
        var settings = PostgresSettings(url: fresh.url, random: SeededRandom(seed: 1))
        // Hundreds of tests, one after the other: few connections each, and none of them waits for a server for long.
        settings.connections = 5
        settings.patienceSeconds = 5
        change(&settings)
        let database = try PostgresDatabase(settings, observer: observer)
        let answer: Result<Answer, any Error>
        do { answer = .success(try await body(database, fresh.url)) } catch { answer = .failure(error) }
        await database.close()
        try await fresh.drop()
        return try answer.get()
    }
}

// Values as somebody types them at the database's own prompt.
extension Engine {
    public func typed<Subject>(_ id: ID<Subject>) -> String {
        switch self {
        case .sqlite: "x'\(id.description.filter { $0 != "-" })'"
        case .postgres: "uuid '\(id)'"
        }
    }

    public func typed(_ instant: Instant) -> String {
        switch self {
        case .sqlite: "\(instant.microseconds)"
        case .postgres: "timestamptz '\(instant)'"
        }
    }
}
