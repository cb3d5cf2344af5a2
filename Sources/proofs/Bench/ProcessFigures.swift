import Foundation
import PostgresCluster
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
            guard let ticks = ProcessorTime(of: number)?.own else {
                throw ProcessFault("the times of process \(number) cannot be read")
            }
            return ticks * 1_000_000 / sysconf(Int32(_SC_CLK_TCK))
        }
    }
}

extension PrivateCluster {
    /// Time on the processors of the server and of all its processes, also those that have ended.
    var cpuMicroseconds: Int {
        guard let postmaster = processNumber else { return 0 }
        let all = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        let ticks = all.compactMap { ProcessorTime(of: $0) }.reduce(0) { sum, process in
            if process.number == postmaster { return sum + process.own + process.endedChildren }
            return process.parent == postmaster ? sum + process.own : sum
        }
        return ticks * 1_000_000 / sysconf(Int32(_SC_CLK_TCK))
    }
}

/// Ticks of the scheduler's clock, from `/proc/<number>/stat` (proc(5)).
private struct ProcessorTime {
    let number: Int32
    let parent: Int32
    let own: Int
    let endedChildren: Int

    init?(of number: Int32) {
        let fields =
            (try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8))?.split(separator: ")").last?.split(
                separator: " ") ?? []
        guard fields.count > 14, let parent = Int32(fields[1]), let user = Int(fields[11]), let system = Int(fields[12]),
            let childUser = Int(fields[13]), let childSystem = Int(fields[14])
        else { return nil }
        self.number = number
        self.parent = parent
        own = user + system
        endedChildren = childUser + childSystem
    }
}
