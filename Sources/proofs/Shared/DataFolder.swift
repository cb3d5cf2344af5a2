import Foundation
import Processes
import Secrecy

/// A clinic's data on disk.
struct DataFolder {
    let path: String
    /// Where the database is; nil when it is in the folder.
    var url: String?
    var databasePath: String { path + "/clinic.sqlite" }

    /// What a stopped server leaves is one file, and the secrets beside it.
    func copy(from other: DataFolder) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for name in ["clinic.sqlite", "token.secret", "master.key"]
        where FileManager.default.fileExists(atPath: "\(other.path)/\(name)") {
            try FileManager.default.copyItem(atPath: "\(other.path)/\(name)", toPath: "\(path)/\(name)")
        }
    }

    /// What tells the program which database it is.
    var flags: [String] { ["--data", path] + (url.map { ["--database", $0] } ?? []) }

    /// Puts the secrets in before the program makes some, so that whoever measures can sign tokens for every copy, and several
    /// servers of one clinic have the same.
    func makeSecret() {
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let secret = [UInt8](repeating: 7, count: 32)
        _ = FileManager.default.createFile(
            atPath: path + "/token.secret", contents: Data(secret), attributes: [.posixPermissions: 0o600])
        _ = FileManager.default.createFile(
            atPath: path + "/master.key", contents: Data(secret), attributes: [.posixPermissions: 0o600])
    }

    /// That of every folder `makeSecret` was called for.
    static let madeUpMaster: LocalMasterKeys = LocalMasterKeys([[UInt8](repeating: 7, count: LocalMasterKeys.byteCount)])!

    /// What stands in the folder.
    var master: LocalMasterKeys {
        get throws {
            let secret = FileManager.default.contents(atPath: path + "/master.key").map { Array($0) }
            guard let keys = LocalMasterKeys([secret ?? []]) else {
                throw ProcessFault("\(path) has no master key; start the server once")
            }
            return keys
        }
    }

    var secret: [UInt8] {
        get throws {
            guard let data = FileManager.default.contents(atPath: path + "/token.secret") else {
                throw ProcessFault("\(path) has no token secret; start the server once")
            }
            return Array(data)
        }
    }
}
