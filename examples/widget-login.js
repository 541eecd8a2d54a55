// For a site with a login of its own: the widget asks for a token before every connection and every request,
// so that a fresh one is used when the old has expired. The server's `Authenticator` reads it, from
// `Authorization: Bearer` in requests and from `?token=` in the address of the socket.
document.querySelector("chat-room").credentials = async () => {
  const { token, user } = await (await fetch("/chat-token", { method: "POST" })).json();
  return { token, user };
};
