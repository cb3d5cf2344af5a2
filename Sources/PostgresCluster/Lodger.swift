#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Processes

/// Who the programs of a cluster run as: PostgreSQL and PgBouncer refuse to be root. Root lends them the user `nobody`, anybody
/// else runs them as themselves.
struct Lodger: Sendable {
    let user: UInt32
    private let group: UInt32
    private let isSomebodyElse: Bool

    private static let setpriv = "/usr/bin/setpriv"

    init() throws {
        isSomebodyElse = geteuid() == 0
        guard isSomebodyElse else {
            (user, group) = (geteuid(), getegid())
            return
        }
        guard let nobody = getpwnam("nobody") else {
            throw ProcessFault("PostgreSQL does not run as root, and this machine has no user 'nobody' to run it as")
        }
        (user, group) = (nobody.pointee.pw_uid, nobody.pointee.pw_gid)
    }

    /// Makes a file or folder the lodger's own.
    func own(_ path: String) throws {
        guard isSomebodyElse else { return }
        guard chown(path, user, group) == 0 else {
            throw ProcessFault("\(path) cannot be given to user \(user): \(String(cString: strerror(errno)))")
        }
    }

    /// Starts a program that hears `farewell` when this process is gone, however it went. The kernel forgets that wish when a
    /// process changes its user, so `setpriv` expresses it after the change.
    func start(
        _ executable: String, _ arguments: [String], farewell: String, environment: [String: String] = [:], errors: String?
    ) throws -> ChildProcess {
        var words = ["--pdeathsig=\(farewell)"]
        if isSomebodyElse { words += ["--reuid=\(user)", "--regid=\(group)", "--clear-groups"] }
        return try ChildProcess(
            Self.setpriv, words + ["--", executable] + arguments, environment: environment, errors: errors)
    }

    /// Runs a program to its end. What it said, or a fault that says it.
    func run(_ executable: String, _ arguments: [String], environment: [String: String] = [:]) async throws {
        let child = try start(executable, arguments, farewell: "KILL", environment: environment, errors: nil)
        var output: [String] = []
        for await line in child.lines { output.append(line) }
        let status = await child.ended()
        guard status == 0 else {
            throw ProcessFault("\(executable) ended with \(status):\n\(output.joined(separator: "\n"))")
        }
    }
}
