import Storage
import StorageSQLite

/// The engines that keep the promises. A test of a promise takes one as its argument and knows nothing else about it.
public enum Engine: String, Sendable, CaseIterable {
    case sqlite

    /// Opens a fresh, empty database, lends it to `body`, and leaves nothing of it behind.
    func withDatabase<Answer>(_ body: (any Database) async throws -> Answer) async throws -> Answer {
        switch self {
        case .sqlite:
            let folder = try TemporaryFolder()
            let database = try SQLiteDatabase(SQLiteSettings(path: folder.path + "/clinic.db"))
            let answer: Result<Answer, any Error>
            do { answer = .success(try await body(database)) } catch { answer = .failure(error) }
            await database.close()
            withExtendedLifetime(folder) {}
            return try answer.get()
        }
    }
}
