import Notation
public import People
public import Scheduling
import Storage

extension Clinic {
    /// The directory for somebody who may read it: of people everybody, of systems those with the scope.
    public func directory(for caller: Caller) async throws -> Directory {
        guard caller.may(.readDirectory) else { throw Refusal.notPermitted }
        return try await currentDirectory()
    }

    /// The directory, as new as the database.
    public func currentDirectory() async throws -> Directory {
        let current = try await database.read { [directory] transaction in
            let current = try directory.current(transaction)
            directory.keep(current)
            return current
        }
        return try await withKeys { try keys.opened(current) }
    }
}
