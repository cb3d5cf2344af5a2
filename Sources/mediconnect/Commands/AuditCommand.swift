import ArgumentParser
import Foundation
import Notation
import People
import Scheduling
import Sealing
import Storage
import Workflows

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Verify that nobody has rewritten the audit trail, and write it out.",
        subcommands: [AuditVerify.self, AuditExportCommand.self, AuditKey.self])
}

struct AuditVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Read the whole audit trail and say what somebody has done to it.",
        discussion: """
            Every record is compared with its seal and every seal with the one before. An end that was cut off, or an old backup in \
            the place of the database, only shows against anchors that were kept elsewhere: give them with --anchors. Looks only, \
            also beside a running server. Exits 0 when nothing is wrong, 1 when something is.
            """)

    @OptionGroup var options: ClinicOptions
    @Option(help: "A file of anchors; the one the server writes unless told otherwise.")
    var anchors: String?
    @Option(
        help: "The public key of another node that seals this clinic's audit trail, as 'audit key' prints it; may be repeated.")
    var trust: [String] = []

    func run() async throws {
        try await reported {
            let settings = try await Settings.read(options)
            let trusted = try trust.map { text in
                guard let key = Hexadecimal.bytes(text), key.count == SealKey.byteCount else {
                    throw Complaint("--trust must be a public key of 64 hexadecimal digits")
                }
                return key
            }
            let own = FileManager.default.fileExists(atPath: settings.sealKeyPath) ? [try House.sealKey(settings).publicKey] : []
            let file = AnchorFile(path: anchors ?? settings.anchorPath)
            let lines = try file.lines()
            if anchors != nil, lines == nil { throw Complaint("--anchors: there is no file \(file.path)") }
            let engine = try Engine.looking(settings)
            let progress = ProgressLine()
            let report: AuditReport
            do {
                report = try await AuditVerifier(engine.database, trusting: own + trusted)
                    .verify(anchors: lines ?? []) { progress.show($0, of: $1) }
            } catch {
                await engine.close()
                throw error
            }
            await engine.close()
            progress.clear()
            tell(report, file.path)
            if !report.flaws.isEmpty { throw Complaint("the audit trail is not what was sealed") }
        }
    }

    private func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }

    private func tell(_ report: AuditReport, _ anchorPath: String) {
        print("\(count(report.records, "record")) under \(count(report.seals, "seal")), \(report.waiting) waiting for one.")
        if report.anchors == 0 {
            print("No anchors in \(anchorPath): an end that was cut off would not show.")
        } else {
            print("\(count(report.anchors, "anchor")).")
        }
        for flaw in report.flaws.prefix(100) { print("  \(flaw)") }
        if report.flaws.count > 100 { print("  … and \(report.flaws.count - 100) more") }
        if report.flaws.isEmpty { print("Nobody has rewritten anything.") }
    }
}

struct AuditExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write out what was done, as lines of JSON.",
        discussion: """
            With --patient what concerns one patient: their record and each of their appointments, in order of time. Without, \
            everything, by what it is about and then by time. With --format fhir each line is a FHIR R4 AuditEvent. Works beside a running \
            server, and leaves a record itself.
            """)

    @OptionGroup var options: ClinicOptions
    @Option(help: "Only what concerns this patient (a UUID).")
    var patient: String?
    @Option(help: "own or fhir.")
    var format: String = "own"
    @Option(help: "Only from this moment on (2026-03-01T00:00:00Z).")
    var from: String?
    @Option(help: "Only before this moment.")
    var to: String?

    func run() async throws {
        try await reported {
            let patient = try patient.map { text in
                guard let id = ID<Patient>(text) else { throw Complaint("--patient must be a UUID") }
                return id
            }
            let (from, to) = (try moment(from, "--from", "0001-01-01T00:00:00Z"), try moment(to, "--to", "9999-12-31T23:59:59Z"))
            guard from < to else { throw Complaint("--from must be before --to") }
            guard let form = AuditForm(rawValue: format) else { throw Complaint("--format must be own or fhir") }
            let settings = try await Settings.read(options)
            let engine = try Engine.recording(settings)
            let clinic = Clinic(database: engine.database, surroundings: .machine(), master: House.master(settings))
            let export = AuditExport(clinic, in: TimeRange(from: from, to: to), by: UserCommand.principal)
            let count: Int
            do {
                count =
                    if let patient {
                        try await export.ofPatient(patient, as: form, write)
                    } else {
                        try await export.everything(as: form, write)
                    }
            } catch {
                await engine.close()
                throw error
            }
            await engine.close()
            FileHandle.standardError.write(Data("\(count) record\(count == 1 ? "" : "s").\n".utf8))
        }
    }

    private func moment(_ text: String?, _ name: String, _ usual: String) throws -> Instant {
        guard let moment = Instant(text ?? usual) else { throw Complaint("\(name) must be a moment like 2026-03-01T00:00:00Z") }
        return moment
    }

    private func write(_ line: [UInt8]) throws { try FileHandle.standardOutput.write(contentsOf: Data(line + [10])) }
}

struct AuditKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Print the public key this node seals with.",
        discussion: "Whoever verifies elsewhere trusts it with 'audit verify --trust KEY'.")

    @OptionGroup var options: ClinicOptions

    func run() async throws {
        try await reported {
            let settings = try await Settings.read(options)
            guard FileManager.default.fileExists(atPath: settings.sealKeyPath) else {
                throw Complaint("there is no \(settings.sealKeyPath) yet: the server makes it on its first start")
            }
            print(Hexadecimal.text(try House.sealKey(settings).publicKey))
        }
    }
}
