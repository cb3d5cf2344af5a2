import Moving
import Storage
import Tenancy

// Moving a clinic of the directory.
extension MoveCommand {
    /// Moves it, and changes its entry with the switch. Whoever serves it follows the entry.
    func move(_ settings: Settings, _ name: String) async throws {
        guard let path = settings.tenants.path else {
            throw Complaint("\(name) is a clinic of a directory; name that with --tenants FILE")
        }
        let file = DirectoryFile(path)
        guard let tenant = try settings.directory(in: file)[name] else {
            throw Complaint("there is no tenant \(name) in \(path)")
        }
        let folder = settings.data + "/tenants/" + name
        guard let (source, target) = try sides(of: tenant) else {
            return try await showStatus(of: Place(tenant.home, folder: folder))
        }
        if tenant.home.isSame(as: target), tenant.previous == nil {
            return print("The clinic lives at \(Place(target, folder: folder).name) already.")
        }
        if changesPlace || forget { try file.requireWritable() }
        try await move(Place(source, folder: folder), Place(target, folder: folder)) { end in
            let (here, other) = end == .target ? (target, source) : (source, target)
            try enter(here, before: other, tenant, in: file)
        }
        if forget { try file.replace(name) { $0.previous = nil } }
    }

    /// Where the move comes from and where it goes, whichever way it has been gone last. Nil when the directory knows of no
    /// move and nobody has to know of one.
    private func sides(of tenant: Tenant) throws -> (source: Home, target: Home)? {
        let wanted = to.map { $0 == "embedded" ? Home() : Home(database: $0) }
        if let wanted, let database = wanted.database, !DatabaseAddress.isServer(database) {
            throw Complaint("--to must be postgres://… or 'embedded'")
        }
        if let previous = tenant.previous {
            if wanted == nil && changesPlace && !back { throw Complaint("--to is missing: where shall \(tenant.name) live?") }
            if wanted.map({ $0.isSame(as: tenant.home) }) ?? true { return (previous, tenant.home) }
            if let wanted, wanted.isSame(as: previous) { return (tenant.home, previous) }
            throw Complaint(
                "the way back of \(tenant.name) is still kept; give it up with 'mediconnect move \(tenant.name) --forget', then move it"
            )
        }
        if let wanted { return (tenant.home, wanted) }
        if status { return nil }
        throw Complaint("\(tenant.name) has moved nowhere that the directory knows of; name the other side with --to")
    }

    /// Writes down where the clinic lives now. Only this makes the servers go there.
    private func enter(_ home: Home, before: Home, _ tenant: Tenant, in file: DirectoryFile) throws {
        do {
            try file.replace(tenant.name) { entry in
                if entry.home.isSame(as: home) { return }
                (entry.home, entry.previous) = (home, before)
            }
        } catch {
            let reason = error.lines.joined(separator: "; ")
            throw Complaint("the clinic has moved, but the directory does not say so: \(reason). Run the same command again")
        }
        print("\(file.path) says where it is; servers follow within about a second.")
        if before.directURL != nil || before.replicaURL != nil, home.directURL == nil, home.replicaURL == nil {
            print("Its directURL and replicaURL were those of the old place: add the new ones if there are any.")
        }
    }

    private func showStatus(of place: Place) async throws {
        let engine = try place.open(as: .source, canCreate: false)
        let status: MoveStatus?
        do {
            status = try await Moving.Move.status(of: engine.database, moveSettings)
        } catch {
            await engine.close()
            throw error
        }
        await engine.close()
        print("\(place.name): \(Self.words(status))")
    }
}
