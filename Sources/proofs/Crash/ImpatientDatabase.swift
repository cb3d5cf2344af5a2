import Foundation
import Storage
import StorageSQLite
import Synchronization

/// A database that answers first and commits later: what a program does that trusts its memory, or a disk cache without a
/// battery. Only here to show that the crash proof notices.
final class ImpatientDatabase: Database {
    private typealias Job = @Sendable (any WriteTransaction) -> Void

    private let real: SQLiteDatabase
    private let jobs = Mutex<[Job]>([])
    /// How long one transaction stays open while it answers.
    private static let openSeconds = 0.03

    init(_ real: SQLiteDatabase) { self.real = real }

    /// Sees what was answered, committed or not: only a crash tells the difference.
    func read<Answer: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> Answer) async throws -> Answer {
        try await write { try body($0) }
    }

    func write<Answer: Sendable>(_ body: @escaping @Sendable (any WriteTransaction) throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { caller in
            jobs.withLock { jobs in
                jobs.append { transaction in
                    caller.resume(with: Result { try transaction.savepoint { try body(transaction) } })
                }
            }
        }
    }

    /// Keeps one transaction after the other open, and serves whoever comes meanwhile.
    func run() async throws {
        while !Task.isCancelled {
            try await real.write { [self] transaction in
                let end = Date().addingTimeInterval(Self.openSeconds)
                repeat {
                    for job in take() { job(transaction) }
                    usleep(200)
                } while Date() < end
            }
        }
    }

    private func take() -> [Job] {
        jobs.withLock { jobs in
            defer { jobs = [] }
            return jobs
        }
    }
}
