import ArgumentParser
import Identity
import Notation

/// Rotates the secrets that sign tokens while the servers run.
struct TokenKeys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "List, rotate and retire the secrets that sign tokens.",
        discussion: """
            Running servers read the file again within a second. Nobody is signed out by a rotation: what an earlier secret has \
            signed is good until it ends. docs/guides/accounts.md tells the whole way, and what to do when a secret has leaked.
            """,
        subcommands: [List.self, Rotate.self, Retire.self])

    /// A session lasts seven days after each turn, which its newest refresh token was made at; and a day for clocks.
    static let memory = Span.days(8)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the secrets by their ids, never themselves.")
        @OptionGroup var options: ClinicOptions

        func run() async throws {
            try await reported {
                let (ring, now) = (try await Token.secrets(of: options).read(), MachineClock().now)
                for key in ring.keys { print("\(key.id)  \(state(of: key, in: ring, now))") }
            }
        }

        private func state(of key: Keyring.Key, in ring: Keyring, _ now: Instant) -> String {
            if key.since > now { return "signs from \(key.since) on" }
            guard let end = ring.end(of: key.id), end <= now else { return "signs" }
            return "signed until \(end); checks until it is retired"
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a secret that signs from a moment on, and retire those that nothing depends on any more.",
            discussion: """
                Until that moment every node has to have the new file: on one machine they have it at once; copy it to the others. \
                A node that has it checks what the new secret signs, whether or not it signs with it yet.
                """)
        @OptionGroup var options: ClinicOptions
        @Option(help: "Seconds until the new secret signs: enough to copy the file to every node.")
        var delay: Int = 10

        func run() async throws {
            try await reported {
                guard (2...604_800).contains(delay) else { throw Complaint("--delay must be from 2 to 604800 seconds") }
                let now = MachineClock().now
                let secrets = try await Token.secrets(of: options)
                var said: [String] = []
                try secrets.change { ring in
                    if let coming = ring.coming(at: now) {
                        throw Complaint("\(coming.id) signs from \(coming.since) on already; rotate again after that")
                    }
                    let outlived = ring.outlived(at: now, memory: TokenKeys.memory)
                    let left = outlived.reduce(ring) { $0.retiring($1.id) ?? $0 }
                    let since = Instant(secondsSince1970: (now + .seconds(delay)).secondsSince1970)
                    guard let new = left.adding(House.randomBytes(Keyring.secretBytes), since: since), let key = new.keys.last
                    else { throw Complaint("the clock stands before the moment of the last rotation") }
                    said =
                        outlived.map { "\($0.id) is retired." } + [
                            "\(key.id) signs from \(since) on.",
                            "Copy \(secrets.path) to every node before then; on this machine it is known at once.",
                        ]
                    return new
                }
                for line in said { print(line) }
            }
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a secret that has leaked, or that nothing depends on any more.",
            discussion: """
                What it has signed is good for nothing from then on; whoever has not continued their session since the rotation \
                signs in again. Authenticators and recovery codes stay. Rotate first: the secret that signs cannot be retired.
                """)
        @OptionGroup var options: ClinicOptions
        @Argument(help: "Its id, as 'token keys list' shows it.")
        var id: String
        @Flag(help: "Also while sessions may depend on it, which end.")
        var now = false

        func run() async throws {
            try await reported {
                let (at, secrets) = (MachineClock().now, try await Token.secrets(of: options))
                try secrets.change { ring in
                    guard let key = ring.key(id) else {
                        throw Complaint("there is no secret \(id); 'token keys list' shows them")
                    }
                    guard let end = ring.end(of: key.id), end <= at else {
                        throw Complaint("\(id) signs, or is about to; 'token keys rotate' first, and wait until another does")
                    }
                    if !now, end + TokenKeys.memory > at {
                        throw Complaint("sessions may depend on \(id) until \(end + TokenKeys.memory); --now ends them")
                    }
                    guard let left = ring.retiring(id) else { throw Complaint("\(id) is the last there is") }
                    return left
                }
                print("\(id) is retired.")
            }
        }
    }
}
