import Foundation
import Identity
import Logging
import Notation
import Storage
import Synchronization
import Tenancy

/// The file with a clinic's secrets (`token.secret`): read at the start, looked at each second, replaced by `mediconnect token keys`.
struct SecretFile: Sendable {
    private let file: WholeFile
    /// Made when it is not there.
    private let isOurs: Bool

    init(_ settings: Settings) {
        file = WholeFile(settings.secretPath)
        isOurs = settings.secretFile == nil
    }

    var path: String { file.path }

    /// What is in it; made on the first start. Throws `StorageFault` with a sentence that says what to do.
    func read() throws -> Keyring {
        guard let bytes = file.contents() else {
            guard isOurs else {
                throw StorageFault.cannotOpen(
                    "the secret \(path) is not there; make one of 32 random bytes, the same on every node")
            }
            return Keyring(secret: try House.made(path))
        }
        guard let ring = Keyring(reading: bytes) else {
            let flaw = Keyring.isText(bytes) ? "is not whole, or was changed by hand" : "is too short"
            throw StorageFault.cannotOpen(
                "\(path) \(flaw); put back the right one: without it every token is invalid, and so are authenticators")
        }
        return ring
    }

    /// Replaces it, one after the other.
    func change(_ body: (Keyring) throws -> Keyring) throws {
        do { try file.change { Array(try body(try read()).text.utf8) } } catch let fault as FileFault {
            throw Complaint(fault.description)
        }
    }

    /// Takes up what `token keys` writes, within a second and until the task is cancelled. A file that is gone, half written or wrong changes
    /// nothing: the secrets that are known hold.
    func follow(_ keyring: LiveKeyring, clock: any WallClock, logger: Logger) async {
        var seen: WholeFile.Stamp?
        while !Task.isCancelled {
            if let stamp = file.stamp, stamp != seen {
                seen = stamp
                adopt(keyring, logger)
            }
            try? await clock.sleep(until: clock.now + .seconds(1))
        }
    }

    private func adopt(_ keyring: LiveKeyring, _ logger: Logger) {
        let bytes = file.contents() ?? []
        let ring = Keyring(reading: bytes)
        if ring == keyring.ring { return }
        // Another bare secret in place of ours is a mistake far more often than a wish; whoever wishes it starts the server again.
        guard let ring, Keyring.isText(bytes) else {
            logger.error(
                "the file of secrets is wrong; what was known before holds", metadata: ["evt": "secrets.wrong"])
            return
        }
        keyring.take(ring)
        logger.notice("the secrets were read again", metadata: ["evt": "secrets.read", "count": "\(ring.keys.count)"])
    }
}
