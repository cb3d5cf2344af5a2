import Foundation
import Moving
import Notation
import Storage
import StoragePostgres
import StorageSQLite
import Tenancy

/// One of the two databases, as the command line names it.
struct Place {
    let name: String
    private let text: String
    private var isServer: Bool { DatabaseAddress.isServer(text) }
    private var path: String { text.hasSuffix(".sqlite") ? text : text + "/clinic.sqlite" }

    init(_ text: String) {
        self.text = text
        name =
            DatabaseAddress.isServer(text)
            ? DatabaseAddress.withoutPassword(text) : text.hasSuffix(".sqlite") ? text : text + "/clinic.sqlite"
    }

    /// Where a clinic of the directory lives.
    init(_ home: Home, folder: String) {
        let place = Place(home.database ?? folder)
        name = place.name
        text = home.directURL ?? place.text
    }

    /// An embedded database is opened beside the server that may be working in it.
    func open(as side: MoveSide, canCreate: Bool) throws -> Engine {
        do {
            if isServer {
                var settings = PostgresSettings(url: text, connections: 3, random: MachineRandom())
                settings.patienceSeconds = 10
                return .postgres(try PostgresDatabase(settings))
            }
            let settings = SQLiteSettings(path: path, readers: 1)
            if canCreate, !FileManager.default.fileExists(atPath: path) {
                try makeFolder()
                return .sqlite(try SQLiteDatabase(settings))
            }
            return .sqlite(try SQLiteDatabase.beside(settings))
        } catch let fault as StorageFault {
            throw MoveFault.storage(side, fault)
        }
    }

    private func makeFolder() throws {
        let folder = (path as NSString).deletingLastPathComponent
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageFault.cannotOpen("the folder \(folder) cannot be made")
        }
    }
}
