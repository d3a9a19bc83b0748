//! Calls of any method of the API by its name, with messages as they are on the wire: for tables over all methods.

use crate::control::Keyed;
use tonic::client::Grpc;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status};

/// Calls `method` (`package.Service/Method`) with this message; the bytes of the first answer.
///
/// # Errors
/// What the server says, or that nobody did.
pub async fn call(channel: Keyed, method: &str, message: Vec<u8>) -> Result<Vec<u8>, Status> {
    call_with(channel, method, vec![message]).await
}

/// As [`call`], with several messages: a method that takes one does not know the difference while it is one.
///
/// # Errors
/// As [`call`].
///
/// # Panics
/// When the method's name can not stand in a path.
pub async fn call_with(channel: Keyed, method: &str, messages: Vec<Vec<u8>>) -> Result<Vec<u8>, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path = format!("/{method}").parse().expect("a path");
    let answer = grpc.streaming(Request::new(tokio_stream::iter(messages)), path, Bytes).await?;
    Ok(answer.into_inner().message().await?.unwrap_or_default())
}

/// Messages as they are on the wire: for a method that is known by its name only.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(to, &item);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; prost::bytes::Buf::remaining(from)];
        prost::bytes::Buf::copy_to_slice(from, &mut item);
        Ok(Some(item))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::default()
    }
}
