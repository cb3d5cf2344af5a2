import Notation
import Storage
import TestKit
import Testing
import Workflows

/// Which engine the clinic leaves and which it comes to.
struct Route: Sendable, CustomTestStringConvertible {
    let from: Engine
    let to: Engine
    var testDescription: String { "\(from) to \(to)" }

    static let all = [
        Route(from: .sqlite, to: .postgres), Route(from: .postgres, to: .postgres), Route(from: .postgres, to: .sqlite),
    ]

    /// A fresh target with the clinic's schema.
    func withTarget<Answer>(_ body: (any Database) async throws -> Answer) async throws -> Answer {
        try await to.withDatabase { database in
            try await Migrator(database, migrations: Schema.migrations, clock: MachineClock()).up()
            return try await body(database)
        }
    }
}
