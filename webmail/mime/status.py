"""Status codes of mail servers as sentences (RFC 3463, RFC 5321 section 4.2.3, the IANA registry of enhanced codes)."""

# By subject and detail, without the class: whether it is for good is said beside it.
_DETAILS = {
    "1.1": "There is no such mailbox at that address.",
    "1.2": "The domain of the address does not exist or takes no mail.",
    "1.3": "The address is not written correctly.",
    "1.4": "The address could mean more than one mailbox.",
    "1.6": "The mailbox has moved and left no new address.",
    "1.7": "The address of the sender is not written correctly.",
    "1.8": "The domain of the sender does not exist or takes no mail.",
    "1.9": "The message was passed to a server that cannot report further.",
    "1.10": "The domain of the address says that it takes no mail.",
    "2.0": "Something is wrong with the mailbox.",
    "2.1": "The mailbox is switched off and takes no mail.",
    "2.2": "The mailbox is full.",
    "2.3": "The message is larger than that mailbox takes.",
    "2.4": "The mailing list could not be resolved.",
    "3.1": "The mail server has no room left.",
    "3.2": "The mail server takes no mail at the moment.",
    "3.3": "The mail server lacks something the message needs.",
    "3.4": "The message is larger than that mail server takes.",
    "3.5": "The mail server is not set up correctly.",
    "4.1": "The mail server did not answer.",
    "4.2": "The connection to the mail server broke.",
    "4.3": "The directory the mail server needs did not answer.",
    "4.4": "No way to the mail server could be found.",
    "4.5": "The mail server has too much to do.",
    "4.6": "The message went in circles between mail servers.",
    "4.7": "The message could not be delivered in the time it was given.",
    "5.1": "The mail server did not accept a command.",
    "5.2": "The mail servers did not understand each other.",
    "5.3": "The message has more recipients than the mail server takes at once.",
    "5.4": "The mail servers did not understand each other.",
    "6.1": "The mail server takes no content of this kind.",
    "6.3": "The content would have to be converted, which could not be done.",
    "6.6": "The content could not be converted.",
    "6.7": "The address holds letters that the mail server does not take.",
    "7.1": "The mail server refuses the message, for who sent it or what is in it.",
    "7.2": "The sender may not write to this mailing list.",
    "7.4": "The mail server asks for a way of protection that the other does not have.",
    "7.7": "The message did not arrive as it was sent.",
    "7.8": "The name or password for the mail server was not accepted.",
    "7.15": "The message is marked with a priority that the mail server does not take now.",
    "7.20": "The message bears no valid signature of the sender's domain.",
    "7.21": "The message bears no valid signature of the sender's domain.",
    "7.22": "The message bears no signature of the author's domain.",
    "7.23": "The sender's domain does not allow the server that sent this.",
    "7.24": "The rules of the sender's domain could not be read.",
    "7.25": "The address of the sending server has no name, or its name another address.",
    "7.26": "The message failed several checks of its origin.",
    "7.27": "The domain of the sender says that it sends no mail.",
}
_SUBJECTS = {
    "1": "Something is wrong with the address.",
    "2": "Something is wrong with the mailbox.",
    "3": "Something is wrong with the mail server of the recipient.",
    "4": "The mail could not be passed on over the network.",
    "5": "The mail servers did not understand each other.",
    "6": "Something is wrong with the content of the message.",
    "7": "The mail server refuses the message for reasons of safety or policy.",
}
_REPLIES = {
    "421": "The mail server takes no mail at the moment.",
    "450": "The mailbox cannot be reached at the moment.",
    "451": "The mail server had an error of its own.",
    "452": "The mail server has no room left.",
    "550": "The mailbox does not exist, or the mail server refuses the message.",
    "551": "There is no such mailbox at that mail server.",
    "552": "The mailbox is full, or the message too large.",
    "553": "The address is not written as the mail server wants it.",
    "554": "The mail server refuses the message.",
}
_ACTIONS = {
    "failed": "The mail server gave no reason that could be read.",
    "delayed": "It could not be delivered yet; the mail server goes on trying.",
    "delivered": "It was delivered.",
    "relayed": "It was passed on to a server that reports no further.",
    "expanded": "It was passed on to the members of a list.",
}


def explained(status: str, reply: str = "", action: str = "failed") -> str:
    """One sentence for an enhanced status code such as 5.1.1, else for an SMTP reply such as 550, else for the action."""
    kind, _, rest = status.partition(".")
    if action in {"delivered", "relayed", "expanded"} or kind == "2":
        return _ACTIONS.get(action, _ACTIONS["delivered"])
    subject = rest.partition(".")[0]
    return (
        _DETAILS.get(rest) or _REPLIES.get(reply) or _SUBJECTS.get(subject) or _ACTIONS.get(action, _ACTIONS["failed"])
    )
