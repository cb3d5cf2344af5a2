import Foundation

/// The directory as a file: read whole, and replaced whole, so that nobody ever reads half of one.
public struct DirectoryFile: Sendable {
    private let file: WholeFile
    public var path: String { file.path }

    public init(_ path: String) { file = WholeFile(path) }

    /// Nil when there is no such file.
    public var stamp: WholeFile.Stamp? { file.stamp }

    public func read() throws(DirectoryFault) -> TenantDirectory {
        guard let bytes = file.contents() else { throw .cannotRead("\(path) cannot be read") }
        return try TenantDirectory(parsing: bytes)
    }

    /// A file named in the directory: from the directory's own folder, unless it starts at the root.
    public func beside(_ name: String) -> String {
        name.hasPrefix("/") ? name : (path as NSString).deletingLastPathComponent.appending(component: name)
    }

    /// Throws what would keep `replace` from working.
    public func requireWritable() throws(DirectoryFault) {
        do { try file.requireWritable() } catch { throw .cannotWrite(error.description) }
    }

    /// Changes one entry. Others that do so at the same time wait: each changes what the one before has left. After a crash
    /// at any moment the file is the old one or the new one.
    public func replace(_ name: String, _ change: (inout Tenant) -> Void) throws(DirectoryFault) {
        do {
            try file.change {
                let directory = try read()
                guard var tenant = directory[name] else {
                    throw DirectoryFault.cannotWrite("\(path) lists no tenant \(name) any more")
                }
                change(&tenant)
                return try directory.replacing(tenant).text
            }
        } catch let fault as DirectoryFault { throw fault } catch { throw .cannotWrite("\(error)") }
    }
}

extension String {
    fileprivate func appending(component: String) -> String { isEmpty ? component : "\(self)/\(component)" }
}
