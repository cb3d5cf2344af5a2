import ArgumentParser
import Foundation
import Moving
import Notation
import Storage
import Workflows

struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move", abstract: "Move a working clinic to another database.",
        discussion: """
            Copies the clinic while it works, follows what changes meanwhile, lets nobody write for a moment, compares both \
            sides, and switches. From then on the source refuses every change. Interrupted, however it was, the same command goes \
            on where it stopped. docs/guides/moving.md tells the whole story.

            A clinic of a directory: mediconnect move NAME --to postgres://… --tenants FILE. The directory is changed with the \
            switch, and the servers follow it.

            Any other: mediconnect move --from … --to …; then start the servers again with the new database.
            """)

    @Argument(help: "A clinic of the directory.")
    var tenant: String?
    @Option(help: "Where the clinic lives: postgres://user@host:port/name, or the data folder of an embedded database.")
    var from: String?
    @Option(help: "Where it shall live: the same, or 'embedded' for a clinic of the directory. It has to exist and be empty.")
    var to: String?
    @Flag(help: "Only show how far the move is.")
    var status = false
    @Flag(help: "After the switch: return, with everything that has happened since.")
    var back = false
    @Flag(help: "Before the switch: undo everything. During --back: stay.")
    var abort = false
    @Flag(help: "After the switch: give up the way back, and stop keeping track of changes for it.")
    var forget = false
    @Flag(help: "With --abort: the target cannot be reached any more and is left as it is.")
    var targetIsGone = false
    @Option(help: "How many seconds nobody may write at most.")
    var pause: Int = 30
    @OptionGroup var common: CommonOptions
    @OptionGroup var network: NetworkOptions

    func validate() throws {
        if [status, back, abort, forget].filter({ $0 }).count > 1 {
            throw ValidationError("--status, --back, --abort and --forget exclude each other")
        }
        if targetIsGone && !abort { throw ValidationError("--target-is-gone goes with --abort") }
        if !(1...600).contains(pause) { throw ValidationError("--pause must be from 1 to 600") }
        if tenant != nil && from != nil { throw ValidationError("the directory knows where the clinic lives: leave out --from") }
        if tenant == nil && (from == nil || to == nil) {
            throw ValidationError("name a clinic of the directory, or both --from and --to")
        }
    }

    func run() async throws {
        try await reported {
            do {
                if let tenant {
                    try await move(try await Settings.read(common, network), tenant)
                } else if let from, let to {
                    try await move(Place(from), Place(to)) { _ in }
                }
            } catch let fault as MoveFault {
                throw Complaint(fault.description)
            }
        }
    }

    /// Whether it may end with the clinic in another place.
    var changesPlace: Bool { !status && !abort && !forget }

    /// Where it was, or where it was to go.
    enum End { case source, target }

    /// - Parameter onSwitch: called as soon as the clinic lives somewhere, and that is certain.
    func move(_ source: Place, _ target: Place, onSwitch: (End) throws -> Void) async throws {
        if source.name == target.name { throw Complaint("the clinic cannot move to where it is: \(source.name)") }
        let ours = try source.open(as: .source, canCreate: false)
        // Without the target there is nothing to open: what is done to the source alone needs none.
        let theirs = targetIsGone ? ours : try target.open(as: .target, canCreate: changesPlace && !back)
        do { try await act(ours, source.name, theirs, target.name, onSwitch) } catch {
            await close(ours, theirs)
            throw error
        }
        await close(ours, theirs)
    }

    private func close(_ ours: Engine, _ theirs: Engine) async {
        if !targetIsGone { await theirs.close() }
        await ours.close()
    }

    private func act(
        _ ours: Engine, _ source: String, _ theirs: Engine, _ target: String, _ onSwitch: (End) throws -> Void
    ) async throws {
        let move = Moving.Move(from: ours.database, called: source, to: theirs.database, called: target, moveSettings)
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
            let report = try await move.back { line.show($0) }
            try onSwitch(.source)
            tell(report, line)
        } else {
            try await prepare(ours, theirs)
            let report = try await move.run { line.show($0) }
            try onSwitch(.target)
            tell(report, line)
        }
    }

    var moveSettings: MoveSettings {
        var settings = MoveSettings(
            notCopied: Set(Schema.ownColumns.map { .init(table: $0.table, name: $0.column) }), seeded: Schema.seededTables,
            clock: MachineClock(), identifiers: Surroundings.machine().identifiers)
        settings.pauseSeconds = pause
        return settings
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

    static func words(_ status: MoveStatus?) -> String {
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
