import TestKit
import Testing

extension Promises {
    /// MA-4, HB-2: the promises do not depend on where a clinic keeps its data.
    @Suite(.serialized) struct BothEnginesTellTheSameStory {
        @Test func `a day in which everything goes wrong is the same day on both engines, line by line`() async throws {
            let embedded = try await Simulations.play(0..<40)
            let served = try await Simulations.play(0..<40, on: .postgres)
            #expect(served.failures.isEmpty, "\(served.failures.first?.violations.first?.description ?? "")")
            #expect(served.digests == embedded.digests)
            #expect(served.tries > 10_000)
        }

        @Test func `negative control: on PostgreSQL too a planted bug is found`() async throws {
            let summary = try await Simulations.play(0..<200, bug: .blindAndUnguarded, on: .postgres, stopsAtFailure: true)
            let culprit = try #require(summary.failures.first)
            #expect(culprit.violations.contains { $0.promise == .neverDoubleBooked }, "\(culprit.violations)")
        }
    }
}
