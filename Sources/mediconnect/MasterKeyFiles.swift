import Foundation
import Secrecy
import Storage

/// Where the master keys come from.
struct MasterSettings: Sendable {
    /// 32 bytes each, from the environment; the first wraps.
    var secrets: [[UInt8]] = []
    /// Files of 32 bytes each; the first wraps.
    var files: [String] = []
    /// What is read, or made on the first start, when neither is set.
    var usual: String

    var listing: String {
        if !secrets.isEmpty { return "given as master.key: " + secrets.map(LocalMasterKeys.name).joined(separator: ", ") }
        return files.isEmpty ? usual : files.joined(separator: ",")
    }
}

/// The master keys of this installation, in files or in the environment. Read when a data key has to be unwrapped, which is at
/// the start and after a rotation, and kept no longer.
struct MasterKeyFiles: MasterKeys {
    let settings: MasterSettings

    func wrap(_ key: [UInt8], for context: [UInt8]) async throws -> WrappedKey {
        try await keys { try House.made(settings.usual) }.wrap(key, for: context)
    }

    func unwrap(_ wrapped: WrappedKey, for context: [UInt8]) async throws -> [UInt8] {
        let keys = try keys {
            throw StorageFault.cannotOpen(
                "the master key \(settings.usual) is not there, and the database's keys were wrapped by master key \(wrapped.master); put it back, or name its file as master.file: without it no personal data can be read"
            )
        }
        return try await keys.unwrap(wrapped, for: context)
    }

    /// - Parameter missing: what to do when none is set and the usual file is not there.
    private func keys(_ missing: () throws -> [UInt8]) throws -> LocalMasterKeys {
        if !settings.secrets.isEmpty { return try local(settings.secrets, "master.key") }
        if settings.files.isEmpty {
            let found = FileManager.default.contents(atPath: settings.usual).map { Array($0) }
            return try local([try found ?? missing()], settings.usual)
        }
        let secrets = try settings.files.map { file in
            guard let data = FileManager.default.contents(atPath: file) else {
                throw StorageFault.cannotOpen("the master key \(file) cannot be read; master.file names it")
            }
            return Array(data)
        }
        return try local(secrets, settings.files.joined(separator: ", "))
    }

    private func local(_ secrets: [[UInt8]], _ name: String) throws -> LocalMasterKeys {
        guard let keys = LocalMasterKeys(secrets) else {
            throw StorageFault.cannotOpen("\(name): a master key has \(LocalMasterKeys.byteCount) bytes, no more and no less")
        }
        return keys
    }
}
