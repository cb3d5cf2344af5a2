import API
import Foundation
import Identity
import Notation
import Outbox
import People
import Sealing
import Storage
import Workflows

/// The clinic's data: the folder on this machine, the database in it or on a server, the token secret.
struct House: Sendable {
    let settings: Settings
    let engine: Engine
    var database: any Database { engine.database }
    let surroundings = Surroundings.machine()
    /// What wraps the clinic's own keys.
    var master: MasterKeyFiles { Self.master(settings) }

    /// Makes the folder when it is missing and opens the database in it. Throws `StorageFault` with a sentence that says
    /// what to do.
    init(_ settings: Settings, meters: DatabaseMeters = DatabaseMeters()) throws {
        self.settings = settings
        do {
            try FileManager.default.createDirectory(
                atPath: settings.data, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageFault.cannotOpen("the folder \(settings.data) cannot be made; choose another with --data")
        }
        engine = try Engine(settings, meters: meters)
    }

    /// The same without holding up anybody else: opening waits for disks and servers, here on a thread of its own.
    static func opened(_ settings: Settings, meters: DatabaseMeters) async throws -> House {
        let thread = WorkerThread()
        return try await withCheckedThrowingContinuation { continuation in
            do {
                try thread.start { continuation.resume(with: Result { try House(settings, meters: meters) }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    var migrator: Migrator { Migrator(database, migrations: Schema.migrations, clock: surroundings.clock) }

    /// The secrets that sign tokens: read, or made on the first start, readable by this user only.
    func keyring() throws -> LiveKeyring { LiveKeyring(try SecretFile(settings).read()) }

    var accounts: Accounts {
        get throws {
            try Self.accounts(Clinic(database: database, surroundings: surroundings, master: master), settings)
        }
    }

    static func accounts(_ clinic: Clinic, _ settings: Settings) throws -> Accounts {
        accounts(clinic, LiveKeyring(try SecretFile(settings).read()), settings)
    }

    static func accounts(_ clinic: Clinic, _ keyring: LiveKeyring, _ settings: Settings) -> Accounts {
        var accounts = AccountSettings()
        accounts.secondFactorFor = settings.secondFactor.roles
        return Accounts(clinic, keyring, settings: accounts)
    }

    static func master(_ settings: Settings) -> MasterKeyFiles { MasterKeyFiles(settings: settings.master) }

    /// The key that signs this node's seals over the audit trail: read, or made on the first start.
    static func sealKey(_ settings: Settings) throws -> SealKey {
        let path = settings.sealKeyPath
        let secret = try FileManager.default.contents(atPath: path).map(Array.init) ?? made(path)
        guard let key = SealKey(secret: secret) else {
            throw StorageFault.cannotOpen(
                "\(path) is no key of 32 bytes; put back the right one, or remove it and trust what it sealed by its public key")
        }
        return key
    }

    /// 32 random bytes in a file that only this user can read. Of several programs that start at once one makes it, and the others
    /// read what it made: a link appears whole or not at all.
    static func made(_ path: String) throws -> [UInt8] {
        let secret = randomBytes(32)
        let draft = "\(path).\(ProcessInfo.processInfo.processIdentifier)-\(secret[0])\(secret[1])"
        let isMade = FileManager.default.createFile(
            atPath: draft, contents: Data(secret), attributes: [.posixPermissions: 0o600])
        guard isMade else { throw StorageFault.cannotOpen("\(path) cannot be written") }
        defer { try? FileManager.default.removeItem(atPath: draft) }
        do {
            try FileManager.default.linkItem(atPath: draft, toPath: path)
            return secret
        } catch {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw StorageFault.cannotOpen("\(path) cannot be written")
            }
            return Array(data)
        }
    }

    static func randomBytes(_ count: Int) -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
}
