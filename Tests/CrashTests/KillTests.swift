import Processes
import Testing

/// The proofs run as programs of their own, as `./dev test` and an operator run them.
@Suite("A server that dies", .serialized)
struct KillTests {
    @Test("50 kill -9 under load lose nothing that was acknowledged", .timeLimit(.minutes(10)))
    func killed() async throws {
        let (status, output) = try await ChildProcess.run(Programs.proofs, ["crash", "50"])
        #expect(status == 0, "\(output.suffix(25).joined(separator: "\n"))")
        #expect(output.contains { $0.contains("Nothing that was acknowledged is lost") })
    }

    /// RC-12, HB-2: every other time it is PostgreSQL that dies under the running server, which has to go on by itself.
    @Test("20 kill -9 of the server and of PostgreSQL lose nothing that was acknowledged", .timeLimit(.minutes(10)))
    func killedOnPostgres() async throws {
        let (status, output) = try await ChildProcess.run(Programs.proofs, ["crash", "20", "--engine", "postgres"])
        #expect(status == 0, "\(output.suffix(25).joined(separator: "\n"))")
        #expect(output.contains { $0.contains("Nothing that was acknowledged is lost") })
    }

    /// HB-5, RC-12: a cluster of three whose leader is killed, frozen and cut off, and two nodes that book meanwhile.
    @Test("3 failovers lose nothing that was acknowledged", .timeLimit(.minutes(20)))
    func failedOver() async throws {
        let (status, output) = try await ChildProcess.run(
            Programs.proofs, ["failover", "3", "--deploy", Programs.deploy, "--quick"])
        #expect(status == 0, "\(output.suffix(40).joined(separator: "\n"))")
    }

    /// The negative control: a proof that cannot fail proves nothing.
    @Test("a server that answers before its commit is found out", .timeLimit(.minutes(5)))
    func impatient() async throws {
        let (status, output) = try await ChildProcess.run(Programs.proofs, ["crash", "10", "--faulty"])
        #expect(status == 1)
        #expect(output.contains { $0.hasPrefix("VIOLATION lost: ") }, "\(output.suffix(25).joined(separator: "\n"))")
    }
}
