#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Dispatch
import Foundation
import Synchronization

/// A process this one started. Only its own number is ever used to end it: other programs of the same name on the machine
/// belong to somebody else.
///
/// Foundation's `Process` would do for starting, but it reaps on a thread of its own choice and says nothing about a child
/// that is killed between two looks; the crash proof kills some fifty a minute.
public final class ChildProcess: Sendable {
    public let number: Int32
    /// What it writes to standard output, line by line, until it ends.
    public let lines: AsyncStream<String>
    private let ending = Promise<Int32>()

    /// Starts `executable` with the environment of this process and `environment` on top. Standard error goes to the file
    /// `errors`, added to what is there; without one it joins standard output.
    public init(_ executable: String, _ arguments: [String], environment: [String: String] = [:], errors: String?) throws {
        let (lines, written) = AsyncStream.makeStream(of: String.self)
        self.lines = lines
        let ending = ending
        let birth = Birth()
        // The thread that starts it stays until it has ended. A child may have asked to die with its parent
        // (PR_SET_PDEATHSIG), and by that the kernel means the thread: a thread of a pool would take the child along when
        // the pool shrinks.
        Thread.detachNewThread {
            let number: Int32
            let output: Int32
            do {
                (number, output) = try Self.start(executable, arguments, environment, errors: errors)
            } catch {
                birth.announce(.failure(error))
                return
            }
            birth.announce(.success(number))
            readLines(output) { written.yield($0) }
            let status = reap(number)
            written.finish()
            ending.keep(status)
        }
        number = try birth.number()
    }

    private static let starting = Mutex(())

    /// The child's number, and the end of a pipe to read what it says.
    private static func start(
        _ executable: String, _ arguments: [String], _ environment: [String: String], errors: String?
    ) throws -> (Int32, Int32) {
        // One after the other: between making a pipe and closing it in future children, another start would inherit it and
        // keep it open after this child is dead.
        try starting.withLock { _ in
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw ProcessFault("no pipe: \(String(cString: strerror(errno)))") }
            defer { close(ends[1]) }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            do {
                let number = try spawn(executable, arguments, environment, output: ends[1], errors: errors)
                Children.all.add(number)
                return (number, ends[0])
            } catch {
                close(ends[0])
                throw error
            }
        }
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String: String], output: Int32, errors: String?
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, output, 2)
        }
        // Whatever else is open here is not the child's business: a pipe it holds would have no end for whoever reads that.
        let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for descriptor in open.compactMap({ Int32($0) }) where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        hearEverySignal(&attributes)
        let all = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        var settings = all.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var number: pid_t = 0
        let code = posix_spawn(&number, executable, &actions, &attributes, &words, &settings)
        guard code == 0 else { throw ProcessFault("\(executable) cannot be started: \(String(cString: strerror(code)))") }
        return number
    }

    /// A child inherits which signals are blocked and ignored. Dispatch's threads block nearly all and `Children.endWithMe`
    /// ignores some, and a child that cannot hear SIGTERM can only be killed.
    private static func hearEverySignal(_ attributes: inout posix_spawnattr_t) {
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    }

    /// Sends a signal, unless it has ended: its number may belong to somebody else by then.
    public func signal(_ signal: Int32) { Children.all.send(signal, to: number) }

    public var isRunning: Bool { Children.all.contains(number) }

    /// Waits for its end. The exit code, or 128 and the number of the signal that killed it.
    public func ended() async -> Int32 { await ending.value }

    /// Ends it without a warning.
    public func kill() async {
        signal(SIGKILL)
        _ = await ended()
    }

    /// Runs a command to its end. Without a file for `errors` they join the output.
    public static func run(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], errors: String? = "/dev/null"
    ) async throws -> (status: Int32, output: [String]) {
        let child = try ChildProcess(executable, arguments, environment: environment, errors: errors)
        var output: [String] = []
        for await line in child.lines { output.append(line) }
        return (await child.ended(), output)
    }
}

/// What the thread that starts a child tells the one that asked for it.
private final class Birth: Sendable {
    private let result = Mutex<Result<Int32, any Error>?>(nil)
    private let known = DispatchSemaphore(value: 0)

    func announce(_ result: Result<Int32, any Error>) {
        self.result.withLock { $0 = result }
        known.signal()
    }

    func number() throws -> Int32 {
        known.wait()
        return try result.withLock { try $0!.get() }
    }
}

private func readLines(_ descriptor: Int32, _ each: (String) -> Void) {
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        rest += buffer.prefix(count)
        while let end = rest.firstIndex(of: 0x0A) {
            each(String(decoding: rest[..<end], as: UTF8.self))
            rest.removeSubrange(...end)
        }
    }
    if !rest.isEmpty { each(String(decoding: rest, as: UTF8.self)) }
    close(descriptor)
}

/// Waits until the process is over but leaves its number taken until the registry has forgotten it.
private func reap(_ number: Int32) -> Int32 {
    var information = siginfo_t()
    while waitid(P_PID, id_t(number), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    return Children.all.reap(number)
}
