import ArgumentParser
import Foundation
import PrivateBroker
import Processes
import TestKit

struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Break everything a booking sets off, one thing after the other, and show that nothing is lost and nothing happens twice.",
        discussion: """
            Clients book, pay, move and cancel while workers are killed at each step of a delivery, of what is asked for and of what is given \
            back, given up and ended; the database is restarted, a worker is paused past its lease, and everybody outside behaves in every \
            way the simulator knows. A subscriber, a message broker, patients' devices and the system that is being replaced hear of it all. After each round, once all is well again, what clients were told, what the database has and \
            what those outside wrote down are compared. On PostgreSQL two workers share the work. Exits 1 when something is not as it should \
            be. With --faulty a kill also tears out what was written down before somebody outside was called, and this must fail: a proof \
            that cannot fail proves nothing.
            """)

    @Argument(help: "Rounds on each engine.")
    var rounds = 8
    @Option(
        help:
            "Seed of what clients do, when servers die and how those outside fare; several with commas between, each in a clinic of its own."
    )
    var seed = "1"
    @Option(help: "sqlite, postgres or both.")
    var engine = "both"
    @Option(help: "The server's binary; the one beside this program unless told otherwise.")
    var server: String?
    @Flag(help: "A short play of each kind of round, in place of so many.")
    var quick = false
    @Flag(help: "Prove that the proof can fail.")
    var faulty = false
    @Flag(help: "Leave the data and the logs behind, also when all is well.")
    var keep = false

    func run() async throws {
        Children.all.endWithMe()
        guard ["sqlite", "postgres", "both"].contains(engine) else {
            throw ValidationError("--engine must be sqlite, postgres or both")
        }
        guard (1...10_000).contains(rounds) else { throw ValidationError("the rounds must be from 1 to 10000") }
        let seeds = try seed.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let seed = UInt64(part.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError("--seed must be whole numbers from 0, with commas between")
            }
            return seed
        }
        let engines = engine == "both" ? ["sqlite", "postgres"] : [engine]
        for (seed, engine) in seeds.flatMap({ seed in engines.map { (seed, $0) } }) {
            let folder = try TemporaryFolder("chaos")
            let violations = try await play(engine, seed, in: folder)
            if !violations.isEmpty {
                // A few of each kind, so that none hides another.
                var kinds: [String: Int] = [:]
                for violation in violations {
                    let kind = violation.split(separator: " ").prefix(3).joined(separator: " ")
                    kinds[kind, default: 0] += 1
                    if kinds[kind, default: 0] <= 12 { say("VIOLATION \(violation)") }
                }
                say("\(violations.count) violation\(violations.count == 1 ? "" : "s"), engine \(engine), seed \(seed)")
                if faulty && !keep { folder.remove() } else { say("data and logs: \(folder.path)") }
                throw ExitCode(1)
            }
            if keep { say("data and logs: \(folder.path)") } else { folder.remove() }
        }
    }

    private func play(_ engine: String, _ seed: UInt64, in folder: TemporaryFolder) async throws -> [String] {
        let began = ContinuousClock.now
        let clinic = try await ChaosClinic(
            engine, program: server ?? Siblings.server, under: folder, seed: seed, isFaulty: faulty)
        let ordeal = ChaosOrdeal(clinic, seed: seed, isForgetful: faulty, isLight: quick)
        let result: Result<Void, any Error>
        do {
            for trial in trials(seed) { guard try await ordeal.play(trial) else { break } }
            result = .success(())
        } catch { result = .failure(error) }
        let outside = try clinic.deedsOutside()
        let onBus = (try? clinic.heardOnTheBus()) ?? []
        await clinic.close()
        do { try result.get() } catch { throw ProcessFault("\(error)\nengine \(engine), seed \(seed), logs: \(folder.path)") }
        say(
            """
            \(engine), seed \(seed), \(Int((ContinuousClock.now - began) / .seconds(1))) s: \(ordeal.kills) workers killed, \
            \(Self.met(ordeal.met)). \(ordeal.tally); \(Self.told(outside, onBus)).
            """)
        say("\(engine): of its time \(clinic.time.words)")
        if ordeal.violations.isEmpty { say("\(engine): nothing that was acknowledged is lost, and nothing was done twice.") }
        return ordeal.violations
    }

    /// How often a kill met each step, and each thing somebody outside was asked for.
    private static func met(_ met: [Errand: [Step: Int]]) -> String {
        let steps = Step.allCases.map { step in "\(met.values.reduce(0) { $0 + ($1[step] ?? 0) }) \(step.rawValue)" }
        let errands = Errand.allCases.map { "\((met[$0] ?? [:]).values.reduce(0, +)) \($0.rawValue)" }
        return "at steps: \(steps.joined(separator: ", ")); of: \(errands.joined(separator: ", "))"
    }

    /// Who heard of changes, and how much of it was repeated.
    private static func told(_ outside: OutsideDeeds, _ onBus: [BusListener.Heard]) -> String {
        func told(_ what: String) -> String {
            let all = outside.all(what)
            return "\(all.count), and \(all.reduce(0) { $0 + $1.repeats }) once more"
        }
        let ids = Set(onBus.map(\.id)).count
        return """
            the subscriber was told of \(told("message")); the bus of \(ids), and \(onBus.count - ids) once more; devices of \
            \(told("notice"))
            """
    }

    private func shuffled<Element>(_ all: [Element], _ chance: inout Chance) -> [Element] {
        var all = all
        for index in all.indices.dropFirst() { all.swapAt(index, chance.number(0...index)) }
        return all
    }

    /// What is played, from the seed.
    private func trials(_ seed: UInt64) -> [Trial] {
        var chance = Chance(state: seed &+ 77)
        if faulty {
            return [
                .steps([
                    (.sms, .done), (.sms, .answered), (.webhooks, .leased), (.push, .asked), (.letter, .done),
                    (.paymentEnd, .asked), (.watch, .leased),
                ])
            ]
        }
        if quick { return [.steps(once(&chance)), .behaviours(Behaviour.together), .database(DatabaseFault.allCases), .paused] }
        let errands = shuffled(Errand.allCases, &chance)
        return (0..<rounds).map { number in
            switch number % 4 {
            case 0: .steps(once(&chance) + each(of: errands[number / 4 % errands.count]))
            case 1: .behaviours(shuffled(Behaviour.all, &chance).map { [$0] })
            case 2: .database(DatabaseFault.allCases)
            default: .paused
            }
        }
    }

    /// Everything somebody outside is asked for, once, and each step as often as any other.
    private func once(_ chance: inout Chance) -> [(Errand, Step)] {
        let steps = shuffled(Step.allCases, &chance)
        return shuffled(Errand.allCases, &chance).enumerated().map { offset, errand in
            let step = steps[offset % steps.count]
            return (errand, errand.steps.contains(step) ? step : .asked)
        }
    }

    private func each(of errand: Errand) -> [(Errand, Step)] { errand.steps.map { (errand, $0) } }
}
