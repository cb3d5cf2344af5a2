import TestKit
import Testing

extension Promises {
    /// MA-4, MC-1, MC-5, MC-12: in every history a seed can tell, whatever breaks. A seed that fails here is replayed, line
    /// by line, by `./dev simulate --seed N`.
    @Suite(.serialized) struct EveryHistoryKeepsThePromises {
        @Test func `a thousand days in which everything goes wrong that can break no promise`() async throws {
            let summary = try await Simulations.play(0..<1_000)
            print("simulation: \(summary.tries) requests, \(Int(summary.seedsPerSecond)) days a second")
            for failure in summary.failures {
                Issue.record("./dev simulate --seed \(failure.seed): \(failure.violations.first?.description ?? "")")
            }
            for what in Simulations.wanted { #expect(summary.coverage[what, default: 0] > 0, "\(what) never happened") }
        }

        @Test func `the same seed is the same day, line by line`() async throws {
            // Once on two threads and once on one: neither the neighbours nor the days before leave a trace.
            let first = try await Simulations.play(0..<40, threads: 2)
            let second = try await Simulations.play(0..<40, threads: 1)
            #expect(first.digests == second.digests)
            #expect(Set(first.digests.values).count == 40)
            let alone = try Simulations.play(39)
            #expect(alone.digest == first.digests[39])
        }

        @Test(arguments: [
            (PlantedBug.blindAndUnguarded, Violation.Promise.neverDoubleBooked),
            (.forgetful, .everythingFollowsOnce), (.hasty, .nothingLost),
            (.repetitive, .offeredOnce),
        ])
        func `negative control: a planted bug is found within the thousand`(bug: PlantedBug, promise: Violation.Promise)
            async throws
        {
            let summary = try await Simulations.play(0..<1_000, bug: bug, stopsAtFailure: true)
            let culprit = try #require(summary.failures.first)
            #expect(culprit.violations.contains { $0.promise == promise }, "\(culprit.violations)")
            print("planted bug \(bug.rawValue): found at seed \(culprit.seed)")
        }
    }
}
