#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import Foundation
import Processes

/// Who the cluster's programs run as. PostgreSQL refuses to be root, so root lends them the user `nobody`; anybody else runs them
/// as themselves.
struct Tenant: Sendable {
    /// User and group, when they are not ours.
    private let other: (user: UInt32, group: UInt32)?

    init() throws {
        guard geteuid() == 0 else {
            other = nil
            return
        }
        guard let nobody = getpwnam("nobody") else {
            throw ProcessFault("PostgreSQL does not run as root, and this machine has no user 'nobody' to run it as")
        }
        other = (nobody.pointee.pw_uid, nobody.pointee.pw_gid)
    }

    /// Makes a folder of the tenant's, in which nobody else can look.
    func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try own(path)
    }

    func write(_ text: String, to path: String) throws {
        guard
            FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw ProcessFault("\(path) cannot be written") }
        try own(path)
    }

    func own(_ path: String) throws {
        guard let other else { return }
        guard chown(path, other.user, other.group) == 0 else {
            throw ProcessFault("\(path) cannot be given to user \(other.user): \(String(cString: strerror(errno)))")
        }
    }

    /// Starts a program that the kernel kills when this process is gone, however it went, and that sees no environment but the
    /// one given: the variables of whoever runs the proof (`PGHOST`, `ETCD_NAME`, …) are none of its business. All it says is
    /// added to `log`.
    func start(
        _ words: [String], in folder: String, environment: [String: String], log: String, farewell: String = "KILL"
    ) throws -> ChildProcess {
        // Every step becomes the next one, so that the number stays that of the program. The kernel forgets the farewell when a
        // process changes its user; `setpriv` asks for it after the change.
        var all = ["-c", #"exec "$@" >>"$0" 2>&1"#, log, "/usr/bin/env", "-i", "--chdir=\(folder)"]
        all += environment.merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder, "LC_ALL": "C.UTF-8"]) { own, _ in own
        }
        .map { "\($0.key)=\($0.value)" }
        all += ["/usr/bin/setpriv", "--pdeathsig=\(farewell)"]
        if let other { all += ["--reuid=\(other.user)", "--regid=\(other.group)", "--clear-groups"] }
        return try ChildProcess("/bin/sh", all + ["--"] + words, errors: log)
    }
}
