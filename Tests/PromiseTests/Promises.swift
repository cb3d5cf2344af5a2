import TestKit
import Testing

/// What the clinic promises, a file for each. One after the other: some of them want the whole machine.
@Suite(.serialized) struct Promises {}

extension ClinicFixture {
    /// Looks the whole database over.
    func keepsEveryPromise(isQuiet: Bool = false, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        for violation in try await violations(isQuiet: isQuiet) { Issue.record("\(violation)", sourceLocation: sourceLocation) }
    }
}
