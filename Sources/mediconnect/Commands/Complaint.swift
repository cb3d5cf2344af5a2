import ArgumentParser
import Foundation
import Notation
import Secrecy
import Storage
import Tenancy
import Workflows

/// Something wrong that the person at the terminal can put right, in one line.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a command and turns what it throws into lines on standard error and exit code 1.
func reported(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let complaint as Complaint {
        try fail([complaint.description])
    } catch let fault as StorageFault {
        try fail([fault.description])
    } catch let fault as SecrecyFault {
        try fail([fault.description])
    } catch let settings as SettingsProblems {
        try fail(settings.problems)
    } catch let fault as DirectoryFault {
        try fail(fault.lines.map { "tenants: \($0)" })
    } catch let imported as ImportProblems {
        let lines = imported.problems.map { "line \($0.line): \($0.pointer) \($0.detail)" }
        try fail(lines + ["\(lines.count) problem\(lines.count == 1 ? "" : "s"); nothing was imported"])
    }
}

private func fail(_ lines: [String]) throws -> Never {
    for line in lines { FileHandle.standardError.write(Data("mediconnect: \(line)\n".utf8)) }
    throw ExitCode(1)
}
