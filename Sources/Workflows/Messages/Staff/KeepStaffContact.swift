public import Notation
import People
public import Scheduling
import Storage

extension Clinic {
    /// Where a practitioner is reached and of what they are told, for themself and for admins. Who has said nothing has version 0.
    public func staffContact(of practitioner: ID<Resource>, for call: Call) async throws -> StaffContact {
        let sealed = try await disclose("read.contact", practitioner, to: call) { look in
            try look.require(.keepContact(of: practitioner.of()))
            let directory = try self.directory.current(look.looking)
            guard directory.resources[practitioner]?.kind == .practitioner else { throw Refusal.recordUnknown }
            return try look.looking.first(StaffContactOf(practitioner: practitioner)).map { [$0] } ?? []
        }
        return try await opened(sealed).first ?? StaffContact(of: practitioner)
    }

    /// Says anew, as a whole, where a practitioner is reached and of what they are told.
    ///
    /// - Parameter contact: its version is passed over.
    public func setStaffContact(
        _ contact: StaffContact, expectedVersion: Int?, call: Call, wording: Wording<StaffContact>
    ) async throws -> Reply<StaffContact> {
        let practitioner = contact.practitioner
        return try await perform(call, wording: wording) { story in
            story.trail.isAbout(practitioner)
            try story.require(.keepContact(of: practitioner.of()))
            guard story.directory.resources[practitioner]?.kind == .practitioner else { throw Refusal.recordUnknown }
        } act: { story, _ in
            let known = try story.transaction.first(StaffContactToChange(practitioner: practitioner))?.kept
            if let expectedVersion, expectedVersion != known?.version ?? 0 { throw Refusal.changedMeanwhile }
            var next = contact
            next.version = (known?.version ?? 0) + 1
            guard try story.transaction.run(StoreStaffContact(contact: try story.keys.seal(next))) == 1 else {
                throw Refusal.changedMeanwhile
            }
            try story.auditChange(of: practitioner.of(), "contact.changed")
            return next
        }
    }

    /// What a practitioner was told outside the mailbox and what became of it, oldest first.
    public func messages(ofPractitioner practitioner: ID<Resource>, page: PageRequest, for call: Call) async throws
        -> Page<Message>
    {
        let sealed = try await disclose("read.messages", practitioner, to: call) { look in
            look.trail.query = "limit=\(page.limit)"
            try look.require(.keepContact(of: practitioner.of()))
            let directory = try self.directory.current(look.looking)
            guard directory.resources[practitioner]?.kind == .practitioner else { throw Refusal.recordUnknown }
            let after: ID<Message> = (page.after ?? .start).id.of()
            let found = try look.looking.fetch(
                MessagesOfPatient(patient: practitioner.of(), after: after, limit: page.limit + 1))
            return page.page(found.map(\.kept)) { Cursor(at: $0.createdAt, id: $0.id.of()) }
        }
        return try await opened(sealed)
    }

    /// A practitioner has said, by the link of a mail or in answer to a text message, that nothing is to go there: what leads there is taken out.
    ///
    /// - Parameter index: the digest of the address they mean. Where they are reached elsewhere by now nothing changes.
    func withdraw(
        _ channel: Channel, ofPractitioner practitioner: ID<Resource>, at index: [UInt8], by way: String,
        _ request: RequestOrigin,
        in transaction: any WriteTransaction
    ) throws {
        let keys = try transaction.held(self.keys)
        guard let known = try transaction.first(StaffContactToChange(practitioner: practitioner)).map({ try keys.open($0) }),
            let address = known.addresses[channel], keys.digest(ofMessageTo: address, by: channel) == index
        else { return }
        var next = known.without(channel)
        next.version += 1
        try transaction.run(StoreStaffContact(contact: try keys.seal(next)))
        let call = Call(
            caller: Caller(role: .practitioner, subject: practitioner.of()), requestID: request.id,
            operation: request.operation ?? "withdrawContact", address: request.address)
        let story = try Story(transaction, clinic: self, call: call)
        story.trail.isAbout(practitioner)
        try story.auditChange(of: practitioner.of(), "contact.withdrawn", reason: Personal(way))
        story.sealHooks()
    }
}

extension Accounts {
    /// Whoever has left is not written to: where nobody else signs in as a practitioner, what leads to them is forgotten. Called in the
    /// transaction that closes an account or takes the role from it.
    func endContacts(
        of account: ID<Account>, _ roles: [Caller], by: String, request: RequestOrigin, in transaction: any WriteTransaction
    ) throws {
        for role in roles where role.role == .practitioner {
            guard let known = try transaction.first(StaffContactToChange(practitioner: role.subject.of()))?.kept,
                known.email != nil || known.phone != nil
            else { continue }
            let others = try transaction.fetch(AccountsOfSubject(subject: role.subject)).filter { $0 != account }
            if try others.contains(where: { try transaction.first(AccountByID(id: $0))?.kept.state != .closed }) { continue }
            var next = StaffContact(of: known.practitioner)
            next.version = known.version + 1
            try transaction.run(StoreStaffContact(contact: try keys.seal(next)))
            try audit(
                "contact.ended", of: role.subject.of(), by: .operatorNamed(by), request: request, in: transaction)
        }
    }
}
