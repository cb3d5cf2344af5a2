import Foundation
import Notation
import PostgresCluster
import Storage
import StoragePostgres
import StorageSQLite

/// What a house's records are kept in.
enum Shelter: String, Sendable, CaseIterable {
    case sqlite, postgres

    /// A database of its own, and the way to leave nothing of it behind.
    struct Opened: Sendable {
        let database: any Database
        /// Where the files of the embedded database are.
        var folder: String?
        let close: @Sendable () async -> Void
    }

    func open() async throws -> Opened {
        switch self {
        case .sqlite:
            let folder = NSTemporaryDirectory() + "mediconnect-api-" + UUID().uuidString
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var settings = SQLiteSettings(path: folder + "/clinic.db", readers: 1)
            settings.synchronous = .off
            let database = try SQLiteDatabase(settings)
            return Opened(database: database, folder: folder) {
                await database.close()
                try? FileManager.default.removeItem(atPath: folder)
            }
        case .postgres:
            let fresh = try await PrivateCluster.shared.freshDatabase()
            let database = try PostgresDatabase(PostgresSettings(url: fresh.url, connections: 5, random: MachineRandom()))
            return Opened(database: database) {
                await database.close()
                try? await fresh.drop()
            }
        }
    }
}
