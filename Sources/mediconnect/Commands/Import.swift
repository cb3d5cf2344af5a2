import ArgumentParser
import Foundation
import Notation
import Scheduling
import Storage
import Synchronization
import Workflows

struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take a whole clinic from a file, all or nothing.",
        discussion: """
            FILE is one JSON document with a list for each kind of record, or JSON Lines with a "kind" in each line; \
            docs/api/import.md describes both, docs/api/import.schema.json is the schema. Every mistake is reported with its \
            line and field, and then nothing is taken. The server must be stopped.
            """)

    @OptionGroup var options: ClinicOptions
    @Argument(help: "The file; - reads standard input.")
    var file: String

    func run() async throws {
        try await withHouse(options) { house in
            try await house.migrator.up()
            let clinic = Clinic(
                database: house.database.doing(.background), surroundings: house.surroundings, master: house.master)
            let progress = ProgressLine()
            let summary = try await clinic.importClinic(try bytes()) { progress.show($0, of: $1) }
            progress.clear()
            for (kind, count) in summary.counts where count > 0 { print("\(count) \(kind)") }
        }
    }

    private func bytes() throws -> [UInt8] {
        if file == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
        guard let data = FileManager.default.contents(atPath: file) else { throw Complaint("\(file) cannot be read") }
        return Array(data)
    }
}

struct Seed: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Fill the database with example data.", subcommands: [Demo.self])

    struct Demo: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A small clinic to try things out with. Refused unless the database is empty.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await withHouse(options) { house in
                try await house.migrator.up()
                guard try await Seed.fillIfEmpty(house) else {
                    throw Complaint("the database has a clinic already; nothing was changed")
                }
                print("The demo clinic is in \(house.settings.databaseName).")
            }
        }
    }

    /// True when the database was empty and has the demo clinic now.
    @discardableResult
    static func fillIfEmpty(_ house: House) async throws -> Bool {
        let clinic = Clinic(database: house.database.doing(.background), surroundings: house.surroundings, master: house.master)
        guard try await clinic.currentDirectory().locations.isEmpty else { return false }
        _ = try await clinic.importClinic(DemoClinic.document(now: house.surroundings.clock.now))
        return true
    }
}

/// One line on a terminal that counts; nothing when the output goes elsewhere.
final class ProgressLine: Sendable {
    private let shown = Mutex(-1)
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ done: Int, of total: Int) {
        guard isTerminal, total > 0 else { return }
        let percent = done * 100 / total
        let isNew = shown.withLock { last in
            defer { last = percent }
            return percent != last
        }
        if isNew {
            let bar = String(repeating: "█", count: percent / 4) + String(repeating: "░", count: 25 - percent / 4)
            FileHandle.standardError.write(Data("\r\(bar) \(percent) %  \(done) of \(total)".utf8))
        }
    }

    func clear() { if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) } }
}
