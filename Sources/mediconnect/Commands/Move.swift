import ArgumentParser
import Foundation
import Moving
import Notation
import Storage
import StoragePostgres
import StorageSQLite
import Synchronization
import Workflows

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move a working clinic to another database.",
        discussion: """
            Copies the clinic while it works, follows what changes meanwhile, lets nobody write for a moment, compares both \
            sides, and switches. From then on the source refuses every change; start the servers again with the new database. \
            Interrupted, however it was, the same command goes on where it stopped. docs/guides/moving.md tells the whole story.
            """)

    @Option(help: "Where the clinic lives: postgres://user@host:port/name, or the data folder of an embedded database.")
    var from: String
    @Option(help: "Where it shall live: the same. The database has to exist and be empty.")
    var to: String
    @Flag(help: "Only show how far the move is.")
    var status = false
    @Flag(help: "After the switch: return to --from, with everything that has happened since.")
    var back = false
    @Flag(help: "Before the switch: undo everything. During --back: stay.")
    var abort = false
    @Flag(help: "After the switch: give up the way back, and stop keeping track of changes for it.")
    var forget = false
    @Flag(help: "With --abort: the target cannot be reached any more and is left as it is.")
    var targetIsGone = false
    @Option(help: "How many seconds nobody may write at most.")
    var pause: Int = 30

    func validate() throws {
        if [status, back, abort, forget].filter({ $0 }).count > 1 {
            throw ValidationError("--status, --back, --abort and --forget exclude each other")
        }
        if targetIsGone && !abort { throw ValidationError("--target-is-gone goes with --abort") }
        if !(1...600).contains(pause) { throw ValidationError("--pause must be from 1 to 600") }
    }

    func run() async throws {
        try await reported {
            do {
                let (source, target) = (Place(from), Place(to))
                if source.name == target.name { throw Complaint("--from and --to name the same database") }
                let ours = try source.open(as: .source, canCreate: false)
                // Without the target there is nothing to open: what is done to the source alone needs none.
                let theirs = targetIsGone ? ours : try target.open(as: .target, canCreate: !status && !back && !abort && !forget)
                do { try await act(ours, source.name, theirs, target.name) } catch {
                    await close(ours, theirs)
                    throw error
                }
                await close(ours, theirs)
            } catch let fault as MoveFault {
                throw Complaint(fault.description)
            }
        }
    }

    private func close(_ ours: Engine, _ theirs: Engine) async {
        if !targetIsGone { await theirs.close() }
        await ours.close()
    }

    private func act(_ ours: Engine, _ source: String, _ theirs: Engine, _ target: String) async throws {
        var settings = MoveSettings(
            notCopied: Set(Schema.ownColumns.map { .init(table: $0.table, name: $0.column) }), seeded: Schema.seededTables,
            clock: MachineClock(), identifiers: Surroundings.machine().identifiers)
        settings.pauseSeconds = pause
        let move = Moving.Move(from: ours.database, called: source, to: theirs.database, called: target, settings)
        let line = MoveLine()
        defer { line.clear() }
        if status {
            let (here, there) = try await move.status()
            print("\(source): \(Self.words(here))\n\(target): \(Self.words(there))")
        } else if abort {
            try await move.abort(isTargetGone: targetIsGone) { line.show($0) }
            line.clear()
            print("The move is undone; the clinic goes on where it was.")
        } else if forget {
            try await move.forget()
            print("The way back is given up.")
        } else if back {
            tell(try await move.back { line.show($0) }, line)
        } else {
            try await prepare(ours, theirs)
            tell(try await move.run { line.show($0) }, line)
        }
    }

    /// An empty target gets the tables; one that has some is left as it is, and looked at by the move.
    private func prepare(_ ours: Engine, _ theirs: Engine) async throws {
        let clock = MachineClock()
        do { try await Migrator(ours.database, migrations: Schema.migrations, clock: clock).requireCurrent() } catch {
            throw (error as? StorageFault).map { MoveFault.storage(.source, $0) } ?? error
        }
        let migrator = Migrator(theirs.database, migrations: Schema.migrations, clock: clock)
        do { if try await migrator.current() == 0 { try await migrator.up() } } catch {
            throw (error as? StorageFault).map { MoveFault.storage(.target, $0) } ?? error
        }
    }

    private func tell(_ report: MoveReport, _ line: MoveLine) {
        line.clear()
        for table in report.tables {
            let name = table.name.padding(toLength: 24, withPad: " ", startingAt: 0)
            print("\(name) \(table.rows) rows  \(table.checksum?.description ?? "compared before the pause")")
        }
        if report.tables.isEmpty {
            print("The clinic lives at \(report.livesAt).")
        } else {
            let pause = String(format: "%.2f", report.pauseSeconds)
            print("The clinic lives at \(report.livesAt) now. Nobody could write for \(pause) s.")
        }
    }

    private static func words(_ status: MoveStatus?) -> String {
        guard let status else { return "takes part in no move" }
        let text =
            switch status.role {
            case .live:
                "the clinic lives here; \(status.waiting ?? 0) changes not yet followed; the other side is \(status.elsewhere)"
            case .receiving:
                "copied to from \(status.elsewhere); \(status.copied) rows copied and \(status.compared) compared of \(status.total)"
            case .moved: "the clinic has moved to \(status.elsewhere)"
            }
        return text + (status.pausedUntil.map { "; takes no changes until \($0)" } ?? "") + "; since \(status.changedAt)"
    }
}

/// One of the two databases, as the command line names it.
private struct Place {
    let name: String
    private let text: String
    private var isServer: Bool { text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") }
    private var path: String { text.hasSuffix(".sqlite") ? text : text + "/clinic.sqlite" }

    init(_ text: String) {
        self.text = text
        let isServer = text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
        name = isServer ? Settings.withoutPassword(text) : text.hasSuffix(".sqlite") ? text : text + "/clinic.sqlite"
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
            if canCreate, !FileManager.default.fileExists(atPath: path) { return .sqlite(try SQLiteDatabase(settings)) }
            return .sqlite(try SQLiteDatabase.beside(settings))
        } catch let fault as StorageFault {
            throw MoveFault.storage(side, fault)
        }
    }
}

/// How far the move is: one line on a terminal that changes, elsewhere a line for each phase.
private final class MoveLine: Sendable {
    private let last = Mutex("")
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ progress: MoveProgress) {
        let percent = progress.total > 0 ? min(100, progress.done * 100 / progress.total) : 100
        let bar = String(repeating: "█", count: percent / 5) + String(repeating: "░", count: 20 - percent / 5)
        let text =
            isTerminal
            ? "\(progress.phase.rawValue) \(progress.table) \(bar) \(percent) %  \(progress.done) of \(progress.total)"
            : progress.phase.rawValue
        let isNew = last.withLock { last in
            defer { last = text }
            return last != text
        }
        if isNew { write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n") }
    }

    func clear() { if isTerminal { write("\r\u{1B}[K") } }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
