import Foundation
import Tenancy

/// What a node is told about its clinics, when there are several.
struct TenantSettings: Sendable {
    /// The directory; nil is one clinic.
    var path: String?
    /// For all open clinics together.
    var connections: Int
    var roundSeconds: Int
    /// Whether metrics carry clinics' names.
    var areLabelled: Bool
}

extension Settings {
    /// The settings of the one clinic a command is about: the only one, or the one named with `--tenant`.
    static func read(_ options: ClinicOptions) async throws -> Settings {
        let settings = try await read(options.common, options.network)
        guard let path = settings.tenants.path else {
            if options.tenant != nil { throw Complaint("--tenant goes with --tenants FILE, the directory it stands in") }
            return settings
        }
        let file = DirectoryFile(path)
        let directory = try settings.directory(in: file)
        guard let name = options.tenant else {
            throw Complaint("\(path) lists several clinics; say which one with --tenant NAME")
        }
        guard let tenant = directory[name] else { throw Complaint("there is no tenant \(name) in \(path)") }
        var own = settings.of(tenant.residence, in: file)
        own.patienceSeconds = settings.patienceSeconds
        return own
    }

    /// Reads the directory. Throws everything that is wrong with it.
    func directory(in file: DirectoryFile) throws -> TenantDirectory {
        do {
            let directory = try file.read()
            let problems = directory.tenants.flatMap { mistakes(in: $0, file) }
            if !problems.isEmpty { throw DirectoryFault.mistakes(problems) }
            return directory
        } catch let fault as DirectoryFault {
            throw SettingsProblems(problems: fault.lines.map { "tenants: \(file.path): \($0)" })
        }
    }

    /// What only this node can see.
    private func mistakes(in tenant: Tenant, _ file: DirectoryFile) -> [TenantMistake] {
        var mistakes: [TenantMistake] = []
        if let secret = tenant.residence.secretFile, !FileManager.default.isReadableFile(atPath: file.beside(secret)) {
            mistakes.append(TenantMistake(tenant.name, "secretFile", "\(file.beside(secret)) cannot be read"))
        }
        if cost(of: tenant.residence) > tenants.connections {
            mistakes.append(
                TenantMistake(
                    tenant.name, "replicaURL",
                    "with it the clinic takes \(cost(of: tenant.residence)) connections, more than tenants.connections"))
        }
        return mistakes
    }

    /// The settings one clinic is opened with.
    func of(_ residence: Residence, in file: DirectoryFile) -> Settings {
        var own = self
        own.data = data + "/tenants/" + residence.name
        own.databaseURL = residence.home.database
        own.directURL = residence.home.directURL
        own.replicaURL = residence.home.replicaURL
        own.secretFile = residence.secretFile.map(file.beside)
        own.anchorFile = anchorFile.map { "\($0).\(residence.name)" }
        // Somebody waits for the answer, and the next who asks tries again.
        own.patienceSeconds = 0
        return own
    }

    /// How many connections a clinic takes while it is open: of an embedded database its writer and its readers; of a server
    /// the pool, the sideline, and what goes to the replica.
    func cost(of residence: Residence) -> Int {
        guard residence.home.database != nil else { return readers + 1 }
        return pool + 1 + (residence.home.replicaURL == nil ? 0 : max(2, pool / 2) + 1)
    }
}
