import ArgumentParser
import Foundation
import NIOCore
import Notation
import Simulator

struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulator",
        abstract: "Play everybody the clinic talks to: text messages, mail, payments, records and more. For trials only.",
        discussion: """
            Answers on 127.0.0.1 and nowhere else. Nothing leaves this machine. http://127.0.0.1:PORT/ shows what was done for whom; \
            docs/guides/connecting.md tells how to point the clinic at it and how to make it fail.
            """)

    @Option(help: "Port to listen on; 0 takes a free one.")
    var port = 8090
    @Option(help: "A folder that keeps what happened over a restart; without one it is forgotten.")
    var data: String?
    @Option(help: "The same seed and the same requests have the same luck.")
    var seed: UInt64 = 1

    @Option(
        help: """
            After so many milliseconds without a word a client is greeted as a mail client. HTTP clients that connect ahead of need are, too: \
            where there are such, give mail a port of its own with --mail-port.
            """)
    var greeting = 2_000
    @Option(
        help: """
            A port of its own for mail, on which everybody is greeted at once; 0 takes a free one. On the other port nobody is greeted then, and \
            a mail client has to speak first there.
            """)
    var mailPort: Int?

    func run() async throws {
        try await reported {
            guard (0...65_535).contains(port) else { throw Complaint("--port must be from 0 to 65535") }
            if let mailPort, !(0...65_535).contains(mailPort) { throw Complaint("--mail-port must be from 0 to 65535") }
            if let mailPort, mailPort != 0, mailPort == port { throw Complaint("--mail-port must be another than --port") }
            guard (10...60_000).contains(greeting) else { throw Complaint("--greeting must be from 10 to 60000 milliseconds") }
            var settings = Simulator.Settings()
            settings.greetsAfter = .milliseconds(greeting)
            settings.mailPort = mailPort
            (settings.port, settings.folder, settings.seed) = (port, data, seed)
            let simulator: Simulator
            do { simulator = try Simulator(settings, clock: MachineClock()) } catch {
                throw Complaint(
                    "the folder \(data ?? "") cannot be used: what is in it is no simulator's, or it may not be written")
            }
            do {
                try await simulator.run { port in
                    print("Its mail server has smtp://127.0.0.1:\(port)")
                } onListening: { port in
                    print("The simulator listens on http://127.0.0.1:\(port) and on this machine only; nothing it does is real")
                    fflush(nil)
                }
            } catch let taken as Simulator.MailPortTaken {
                throw Complaint("port \(taken.port) is taken; choose another with --mail-port")
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                throw Complaint("port \(port) is taken; choose another with --port")
            }
        }
    }
}
