import Foundation
import Processes

/// What the kernel knows about a process.
extension ChildProcess {
    /// Memory that is really there (`VmRSS`).
    var residentMebibytes: Double {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8)
            guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
                let kibibytes = Double(line.filter(\.isNumber))
            else { throw ProcessFault("the memory of process \(number) cannot be read") }
            return kibibytes / 1024
        }
    }

    /// Time on the processors so far, its own and the kernel's for it. Others on the machine make a program slow, but its
    /// work stays the same: the one number a busy machine leaves nearly alone.
    var cpuMicroseconds: Int {
        get throws {
            let fields =
                try String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8).split(separator: ")").last?.split(
                    separator: " ") ?? []
            guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
                throw ProcessFault("the times of process \(number) cannot be read")
            }
            return (user + system) * 1_000_000 / sysconf(Int32(_SC_CLK_TCK))
        }
    }
}
