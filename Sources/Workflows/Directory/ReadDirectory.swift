import Notation
import People
public import Scheduling
import Storage

extension Clinic {
    /// The directory, as new as the database.
    public func currentDirectory() async throws -> Directory {
        try await database.read { [directory] transaction in
            let current = try directory.current(transaction)
            directory.keep(current)
            return current
        }
    }
}
