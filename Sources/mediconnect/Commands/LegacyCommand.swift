import ArgumentParser
import Foundation
import Notation
import Outbox
import People
import Scheduling
import Storage
import Workflows

struct LegacyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "legacy",
        abstract: "Replace the system the clinic had before, step by step and back.",
        discussion: """
            'status' and 'compare' work beside a running server, and so do the others where the database is a server's. With the \
            embedded database they need the server stopped; a running one is asked over its API (/v1/legacy). \
            docs/guides/replacing.md goes through all of it.
            """,
        subcommands: [
            Status.self, Compare.self, Phase.self, Share.self, Backfill.self, Switch.self, Rollback.self, Step.self,
        ], defaultSubcommand: Status.self)

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show how far it is, and what is in the way of the next step.")
        @OptionGroup var options: ClinicOptions
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            let asJSON = json
            try await lookingAtClinic(options) { LegacyCommand.show(try await $0.legacyStatus(), asJSON: asJSON) }
        }
    }

    struct Compare: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compare what both systems decided on the same requests.",
            discussion: "Ends with 1 when one in a thousand or more differs, or nothing was compared.")
        @OptionGroup var options: ClinicOptions
        @Option(help: "How many requests, the last ones.")
        var last = 1_000
        @Flag(help: "As JSON.")
        var json = false

        func run() async throws {
            guard (1...100_000).contains(last) else { throw Complaint("--last must be from 1 to 100000") }
            let (last, asJSON) = (last, json)
            var isWithin = false
            try await lookingAtClinic(options) { clinic in
                let comparison = try await clinic.compareWithLegacy(last: last)
                isWithin = comparison.isWithinTolerance
                if asJSON {
                    var json = JSONWriter()
                    comparison.write(to: &json)
                    print(String(decoding: json.bytes, as: UTF8.self))
                } else {
                    print(comparison.text)
                }
            }
            if !isWithin { throw ExitCode(1) }
        }
    }

    struct Phase: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Go one step on or back: off, shadow, dual, switched, returning.",
            discussion: "'switch' and 'rollback' are the two steps that change whose word counts.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Where to: \(Replacement.Phase.allCases.map(\.rawValue).joined(separator: ", ")).")
        var phase: String
        @Option(help: "Why you go on although something is in the way; it stands in the audit trail.")
        var despite: String?

        func run() async throws {
            guard let phase = Replacement.Phase(rawValue: phase) else {
                throw Complaint("the phase must be one of " + Replacement.Phase.allCases.map(\.rawValue).joined(separator: ", "))
            }
            try await LegacyCommand.go(to: phase, despite, options)
        }
    }

    struct Share: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say how many percent of the patients book here meanwhile.")
        @OptionGroup var options: ClinicOptions
        @Argument(help: "1 to 5.")
        var percent: Int

        func run() async throws {
            guard Replacement.shares.contains(percent) else { throw Complaint("the percent must be from 1 to 5") }
            try await LegacyCommand.changing(options) { _, clinic in
                try await clinic.setLegacyShare(percent, call: .typed("legacy share"), wording: .unheard)
            }
        }
    }

    struct Backfill: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin to take over what is booked there; again, to try once more what could not be.",
            discussion: "A server does the work, as fast as legacy.rate says. Without one, --run does it here.")
        @OptionGroup var options: ClinicOptions
        @Flag(help: "Take over here, until nothing waits.")
        var run = false

        func run() async throws {
            let isRun = run
            try await LegacyCommand.changing(options) { house, clinic in
                let reply = try await clinic.beginBackfill(
                    call: .typed("legacy backfill"), wording: .unheard)
                guard isRun, case .done = reply else { return reply }
                let desk = try LegacyCommand.desk(house, clinic)
                try await desk.follow()
                while try await clinic.legacyStatus().waiting > 0 {
                    let outcome = try await desk.takeOver(atMost: house.settings.partners.legacyRules.takenPerSecond)
                    let status = try await clinic.legacyStatus()
                    print("\(status.taken) taken over, \(status.waiting) waiting, \(status.notTaken) cannot be taken over")
                    if outcome == SweepOutcome() { break }
                    try await house.surroundings.clock.sleep(until: house.surroundings.clock.now + .seconds(1))
                }
                return reply
            }
        }
    }

    struct Switch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make this clinic the truth; the other system is kept in step, so that there is a way back.")
        @OptionGroup var options: ClinicOptions
        @Option(help: "Why you go on although something is in the way; it stands in the audit trail.")
        var despite: String?

        func run() async throws { try await LegacyCommand.go(to: .switched, despite, options) }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the other system the truth again, once it has everything.",
            discussion: """
                Nobody books here until it has; a server carries it there and ends the way back by itself, and 'status' says what is \
                missing. With --wait it is waited for. What will never get there can be left with 'phase dual --despite REASON'.
                """)
        @OptionGroup var options: ClinicOptions
        @Option(help: "How many seconds to wait until it has everything.")
        var wait = 0

        func run() async throws {
            guard (0...3_600).contains(wait) else { throw Complaint("--wait must be from 0 to 3600 seconds") }
            try await LegacyCommand.go(to: .returning, nil, options)
            let clock = Surroundings.machine().clock
            let end = clock.now + .seconds(wait)
            var phase = Replacement.Phase.returning
            while phase == .returning, clock.now < end {
                try await clock.sleep(until: clock.now + .seconds(1))
                try await lookingAtClinic(options) { phase = try await $0.legacyStatus().phase }
            }
            guard wait > 0 else { return }
            try await lookingAtClinic(options) { LegacyCommand.show(try await $0.legacyStatus(), asJSON: false) }
            if phase == .returning { throw ExitCode(1) }
        }
    }

    struct Step: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Do once what a server does every five seconds: follow, take over, tell.",
            discussion: "For a clinic whose server is stopped.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await LegacyCommand.changing(options) { house, clinic in
                _ = try await LegacyCommand.desk(house, clinic).sweep().round()
                return nil
            }
        }
    }
}

extension LegacyCommand {
    /// Runs a change and shows how it stands then.
    fileprivate static func changing(
        _ options: ClinicOptions, _ body: @escaping (House, Clinic) async throws -> Reply<LegacyStatus>?
    ) async throws {
        try await withHouse(options) { house in
            try await house.migrator.up()
            let clinic = try await house.openClinic()
            if case .refused(let refusal, _)? = try await body(house, clinic) {
                let status = try await clinic.legacyStatus()
                switch refusal {
                case .notReadyToSwitch:
                    throw Complaint(
                        "something is in the way: " + status.hindrances.map(\.sentence).joined(separator: "; ")
                            + ". --despite REASON sets aside what may be")
                case .transitionNotAllowed:
                    throw Complaint(
                        "the phase is \(status.phase.rawValue): from there it goes to "
                            + status.phase.next.map(\.rawValue).joined(separator: " or "))
                case .providerUnknown: throw Complaint("legacy.url is not set: there is no system to replace")
                default: throw Complaint("refused: \(refusal.rawValue)")
                }
            }
            show(try await clinic.legacyStatus(), asJSON: false)
        }
    }

    fileprivate static func go(to phase: Replacement.Phase, _ despite: String?, _ options: ClinicOptions) async throws {
        if let despite, !(1...500).contains(despite.count) { throw Complaint("--despite must be text of 1 to 500 characters") }
        try await changing(options) { _, clinic in
            try await clinic.changePhase(
                to: phase, despite: despite.map { Personal($0) }, call: .typed("legacy phase"), wording: .unheard)
        }
    }

    fileprivate static func desk(_ house: House, _ clinic: Clinic) throws -> LegacyDesk {
        let ways = try Ways(house.settings.partners, surroundings: house.surroundings) { _ in }
        guard let legacy = ways.legacy else { throw Complaint("legacy.url is not set: there is no system to replace") }
        return LegacyDesk(clinic, legacy: legacy)
    }

    fileprivate static func show(_ status: LegacyStatus, asJSON: Bool) {
        if asJSON {
            var json = JSONWriter()
            status.write(to: &json)
            return print(String(decoding: json.bytes, as: UTF8.self))
        }
        print("phase        \(status.phase.rawValue)" + (status.changedAt.map { " since \($0)" } ?? ""))
        if status.phase == .dual { print("share        \(status.share) % of the patients book here") }
        print("followed     to change \(status.change)" + (status.caughtUpAt.map { ", nothing more at \($0)" } ?? ""))
        print(
            "taken over   \(status.taken), \(status.waiting) waiting, \(status.notTaken) cannot be"
                + (status.backfillSince == nil ? " (not begun)" : ""))
        print("compared     \(status.comparison.count), \(status.comparison.mismatched) differ")
        print("on the way   \(status.outstanding)" + (status.mirroredAt.map { ", everything there at \($0)" } ?? ""))
        for hindrance in status.hindrances { print("in the way   \(hindrance.sentence)") }
    }
}
